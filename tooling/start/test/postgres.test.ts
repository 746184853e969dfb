import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { isAlive, onFreePort, scratchFolder, start } from './harness.ts';

describe('npm start on the embedded PostgreSQL', () => {
  it('passes the server a config that only its owner can read, and that names the database', async () => {
    const started = start({ postgres: true, address: await onFreePort() });
    await started.listening();
    const { config = '' } = started.server();
    expect(config).toBe(join(started.stateDir, 'postgres.yaml'));
    expect(statSync(config).mode & 0o777).toBe(0o600);
    const { 'queue-storage': queues, 'partition-storage': partitions } = parse(readFileSync(config, 'utf8'));
    expect(queues.driver).toBe('postgres');
    expect(partitions).toMatchObject([{ driver: 'postgres', affinity: 1, config: queues.config }]);
    expect(queues.config['connection-string']).toMatch(
      /^postgres:\/\/postgres:\w+@127\.0\.0\.1:\d+\/postgres$/,
    );
  });

  it('stops the server before the database, and leaves neither running', async () => {
    const started = start({ postgres: true, address: await onFreePort() });
    await started.listening();
    const database = Number(
      readFileSync(join(started.stateDir, 'postgres/pgdata/postmaster.pid'), 'utf8').split('\n')[0],
    );
    started.stop();
    expect(await started.code).toBe(0);
    expect(started.notes().slice(1)).toEqual(['draining', 'drained']);
    expect(isAlive(database)).toBe(false);
  });

  it('stops the database and fails if the server is killed', async () => {
    const started = start({ postgres: true, address: await onFreePort() });
    await started.listening();
    process.kill(started.server().pid, 'SIGKILL');
    expect(await started.code).toBe(1);
    expect(() => statSync(join(started.stateDir, 'postgres/pgdata/postmaster.pid'))).toThrow('ENOENT');
  });

  it('starts the database again if it is killed', async () => {
    const started = start({ postgres: true, address: await onFreePort() });
    await started.listening();
    const file = join(started.stateDir, 'postgres/pgdata/postmaster.pid');
    process.kill(Number(readFileSync(file, 'utf8').split('\n')[0]), 'SIGKILL');
    await expect.poll(() => started.said.join('\n'), { timeout: 30_000 }).toContain('PostgreSQL is back.');
  });

  it('removes the config file of earlier versions, which holds the password', async () => {
    const stateDir = scratchFolder();
    writeFileSync(join(stateDir, 'server.yaml'), 'queue-storage: {}\n');
    const started = start({ postgres: true, address: await onFreePort() }, stateDir);
    await started.listening();
    expect(existsSync(join(stateDir, 'server.yaml'))).toBe(false);
  });
});

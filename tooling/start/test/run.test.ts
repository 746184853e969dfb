import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import process from 'node:process';
import { freePort } from '@querator/tooling-processes';
import { describe, expect, it, onTestFinished } from 'vitest';
import { parse } from 'yaml';
import { scratchFolder, start } from './harness.ts';

const onFreePort = async () => `localhost:${await freePort()}`;

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

describe('npm start on memory', () => {
  it('prints the address, the place of the data, and commands to try', async () => {
    const address = await onFreePort();
    const started = start({ memory: true, address });
    await started.listening();
    const text = started.said.join('\n');
    expect(text).toContain(`listens on http://${address}`);
    expect(text).toContain('in memory');
    expect(text.match(/curl -s \S+\/v1\/\S+/g)).toHaveLength(3);
    expect(started.server()).toMatchObject({ address });
    expect(started.server()).not.toHaveProperty('config');
  });

  it('lets the server drain on SIGTERM, and exits with 0', async () => {
    const started = start({ memory: true, address: await onFreePort() });
    await started.listening();
    started.stop();
    expect(await started.code).toBe(0);
    expect(started.notes().slice(1)).toEqual(['draining', 'drained']);
  });

  it('kills the server at a second signal', async () => {
    const started = start({ memory: true, address: await onFreePort() }, scratchFolder(), 'hangs');
    await started.listening();
    started.stop();
    await expect.poll(() => started.notes()).toContain('draining');
    started.kill();
    expect(await started.code).toBe(0);
    expect(isAlive(started.server().pid)).toBe(false);
  });

  it('exits with the code of a failed server', async () => {
    const started = start({ memory: true, address: await onFreePort() }, scratchFolder(), 'fails');
    expect(await started.code).toBe(3);
    expect(started.said.join('\n')).toContain('ended by itself (exit code 3)');
  });

  it('reports that the port is in use, and starts nothing', async () => {
    const blocker = createServer().listen(0, 'localhost');
    onTestFinished(() => void blocker.close());
    await new Promise((resolve) => blocker.once('listening', resolve));
    const { port } = blocker.address() as { port: number };
    const started = start({ memory: true, address: `localhost:${port}` });
    await expect(started.code).rejects.toThrow(`Port ${port} is already in use`);
    expect(started.notes()).toEqual([]);
  });

  it.each(['localhost', 'localhost:', 'localhost:x', 'localhost:70000'])(
    'refuses the address %s',
    async (address) => {
      await expect(start({ memory: true, address }).code).rejects.toThrow('is not an address');
    },
  );
});

describe('npm start with a config file', () => {
  it('passes the file on and uses its address', async () => {
    const address = await onFreePort();
    const config = join(scratchFolder(), 'own.yaml');
    writeFileSync(config, `address: ${address}\n`);
    const started = start({ memory: false, config });
    await expect.poll(() => started.notes()).toHaveLength(1);
    expect(started.server()).toMatchObject({ config });
    expect(started.server()).not.toHaveProperty('address');
  });
});

describe('npm start on the embedded database', () => {
  it('passes the server a config that only its owner can read, and that names the database', async () => {
    const started = start({ memory: false, address: await onFreePort() });
    await started.listening();
    const { config = '' } = started.server();
    expect(config).toBe(join(started.stateDir, 'server.yaml'));
    expect(statSync(config).mode & 0o777).toBe(0o600);
    const { 'queue-storage': queues, 'partition-storage': partitions } = parse(readFileSync(config, 'utf8'));
    expect(queues.driver).toBe('postgres');
    expect(partitions).toMatchObject([{ driver: 'postgres', affinity: 1, config: queues.config }]);
    expect(queues.config['connection-string']).toMatch(
      /^postgres:\/\/postgres:\w+@127\.0\.0\.1:\d+\/postgres$/,
    );
  });

  it('stops the server before the database, and leaves neither running', async () => {
    const started = start({ memory: false, address: await onFreePort() });
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
    const started = start({ memory: false, address: await onFreePort() });
    await started.listening();
    process.kill(started.server().pid, 'SIGKILL');
    expect(await started.code).toBe(1);
    expect(() => statSync(join(started.stateDir, 'postgres/pgdata/postmaster.pid'))).toThrow('ENOENT');
  });

  it('starts the database again if it is killed', async () => {
    const started = start({ memory: false, address: await onFreePort() });
    await started.listening();
    const file = join(started.stateDir, 'postgres/pgdata/postmaster.pid');
    process.kill(Number(readFileSync(file, 'utf8').split('\n')[0]), 'SIGKILL');
    await expect.poll(() => started.said.join('\n'), { timeout: 30_000 }).toContain('PostgreSQL is back.');
  });
});

import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { parse } from 'yaml';
import { onFreePort, scratchFolder, start } from './harness.ts';

// A start on SQLite does not install the packages that this one imports.
vi.mock('@querator/tooling-postgres', () => {
  throw new Error('a start on SQLite loads PostgreSQL');
});

describe('npm start', () => {
  it('passes the server a config that only its owner can read, with a file of SQLite in a folder of its own', async () => {
    const started = start({ address: await onFreePort() });
    await started.listening();
    const { config = '' } = started.server();
    expect(config).toBe(join(started.stateDir, 'sqlite.yaml'));
    expect(statSync(config).mode & 0o777).toBe(0o600);
    const folder = join(started.stateDir, 'sqlite');
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    expect(parse(readFileSync(config, 'utf8'))).toEqual({
      'partition-storage': [{ name: 'sqlite-01', driver: 'sqlite', affinity: 1, config: { path: folder } }],
    });
    const text = started.said.join('\n');
    expect(text).toContain(`Data: ${folder} (SQLite)`);
    expect(text).not.toContain('NOT USED');
  });

  it('tells of the data of an earlier start on PostgreSQL, and how to use or move them', async () => {
    const stateDir = scratchFolder();
    mkdirSync(join(stateDir, 'postgres', 'pgdata'), { recursive: true });
    const address = await onFreePort();
    const started = start({ address }, stateDir);
    await started.listening();
    const text = started.said.join('\n');
    const beside = `localhost:${Number(address.split(':')[1]) + 1}`;
    expect(text).toContain(
      `NOT USED: the data of an earlier npm start on PostgreSQL are in ${stateDir}/postgres`,
    );
    expect(text).toContain('\n  npm start -- --postgres\n');
    expect(text).toContain(`\n  npm start -- --postgres --address ${beside}\n`);
    expect(text).toContain(`migrate --from http://${beside} --to http://${address}\n`);
  });

  it('tells nothing of data on a start in memory, which was chosen without any', async () => {
    const stateDir = scratchFolder();
    mkdirSync(join(stateDir, 'postgres', 'pgdata'), { recursive: true });
    mkdirSync(join(stateDir, 'sqlite'));
    writeFileSync(join(stateDir, 'sqlite', 'querator.db'), '');
    const started = start({ memory: true, address: await onFreePort() }, stateDir);
    await started.listening();
    expect(started.said.join('\n')).not.toContain('NOT USED');
  });
});

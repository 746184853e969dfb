import { existsSync, mkdirSync, symlinkSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import process from 'node:process';
import { isAlive } from '@querator/tooling-processes';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { startCluster } from '../src/index.ts';
import { end, startOwner } from './owner-process.ts';
import { query } from './query.ts';
import { scratchFolder } from './scratch-folder.ts';

const PATH = process.env['PATH'] ?? '';

/** The environment of a machine without setpriv, on which the kernel does not end the server. */
function withoutSetpriv(): NodeJS.ProcessEnv {
  const bin = join(scratchFolder(true), 'bin');
  mkdirSync(bin);
  for (const program of ['id', 'ps', 'unshare']) {
    const found = PATH.split(delimiter)
      .map((folder) => join(folder, program))
      .find(existsSync);
    if (found !== undefined) symlinkSync(found, join(bin, program));
  }
  return { ...process.env, PATH: bin };
}

async function expectRestart(dataDir: string) {
  const next = await startCluster({ dataDir });
  onTestFinished(() => next.stop());
  expect(await query(next.connectionString(), 'SELECT 1 AS n')).toEqual([{ n: 1 }]);
  return next;
}

describe('after SIGKILL to the owner of a cluster', () => {
  it('the next start waits for the old server to end, and starts it again', async () => {
    const dataDir = join(scratchFolder(true), 'database');
    const { owner } = await startOwner([dataDir]);
    await end(owner, 'SIGKILL');
    await expectRestart(dataDir);
  });

  it('the next start takes over a server that still runs, and can stop it', async () => {
    const dataDir = join(scratchFolder(true), 'database');
    const { owner, owned } = await startOwner([dataDir], withoutSetpriv());
    await end(owner, 'SIGKILL');
    const next = await expectRestart(dataDir);
    expect(next).toMatchObject({ adopted: true, pid: owned.pid, port: owned.port });
    await next.stop();
    expect(isAlive(owned.pid)).toBe(false);
  });

  it('the next start recovers from a server that was killed too', async () => {
    const dataDir = join(scratchFolder(true), 'database');
    const { owner, owned } = await startOwner([dataDir]);
    await end(owner, 'SIGKILL');
    process.kill(owned.pid, 'SIGKILL');
    const next = await expectRestart(dataDir);
    expect(next.adopted).toBe(false);
  });
});

describe('a temporary cluster whose owner ends without stopping it', () => {
  it.each(['exit', 'SIGTERM'] as const)('by %s leaves nothing', async (how) => {
    const { owner, owned } = await startOwner([]);
    await end(owner, how);
    expect(existsSync(owned.dataDir)).toBe(false);
    await vi.waitUntil(() => !isAlive(owned.pid));
  });
});

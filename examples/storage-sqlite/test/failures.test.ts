import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SystemClock, SystemRandom } from '@querator/core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { sqliteBackend } from '../src/index.ts';

/** Failures of files, which the contract suite cannot cause. */
describe('a file that cannot be opened', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'querator-sqlite-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  // "the first call of a store connects"; "If that fails, the next call tries again"
  test('fails the call but not the backend, which works once the file can be created', async () => {
    const path = join(folder, 'later', 'queue.db');
    const backend = sqliteBackend({
      name: 'disk',
      path,
      clock: new SystemClock(),
      random: new SystemRandom(),
    });
    const partition = backend.partitionStore({ queue: 'mail', partition: 0 });
    await expect(partition.stats()).rejects.toMatchObject({
      name: 'StorageError',
      message: expect.stringMatching(/^storage 'disk': /),
      outcome: 'not-applied',
    });
    await mkdir(join(folder, 'later'));
    expect(await partition.stats()).toMatchObject({ waiting: 0 });
    await backend.close();
  });
});

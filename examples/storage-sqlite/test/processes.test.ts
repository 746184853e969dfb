import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { SystemClock, SystemRandom } from '@querator/core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { sqliteBackend } from '../src/index.ts';

const TIMEOUT_MS = 60_000;

/** The output of one process. */
interface Report {
  readonly produced: readonly string[];
  readonly completed: readonly string[];
}

async function consumerProcess(path: string, name: string): Promise<Report> {
  const script = join(import.meta.dirname, 'consumer-process.ts');
  const args = ['--conditions=@querator/source', script, path, name];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  return JSON.parse(stdout) as Report;
}

/**
 * In the contract suite, the second process is a second backend in the same
 * process. Calls of this driver block, so they never overlap there. Here they do.
 */
describe('processes on one file', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'querator-sqlite-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  test('lose and duplicate nothing, from the creation of the file on', { timeout: TIMEOUT_MS }, async () => {
    const path = join(folder, 'processes.db');
    const reports = await Promise.all(['a', 'b', 'c', 'd'].map((name) => consumerProcess(path, name)));
    const produced = reports.flatMap((report) => report.produced);
    const completed = reports.flatMap((report) => report.completed);

    const backend = sqliteBackend({
      name: 'after',
      path,
      clock: new SystemClock(),
      random: new SystemRandom(),
    });
    const partition = backend.partitionStore({ queue: 'mail', partition: 0 });
    const left = await partition.list({ state: 'queued', pivot: '', limit: 10_000 });
    await backend.close();
    expect(left.filter((item) => item.isLeased)).toEqual([]);
    expect([...completed, ...left.map((item) => item.reference)].sort()).toEqual(produced.sort());
    expect(produced).toHaveLength(4 * 50 * 3);
  });
});

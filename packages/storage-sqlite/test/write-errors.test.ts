import { spawnSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import type { StorageBackend, StorageError } from '@querator/core';
import { afterEach, expect, test, vi } from 'vitest';
import { HOUR, newFolder, openBackend, payloadsOf } from './support/new-folder.ts';

vi.setConfig({ testTimeout: 120_000 });

/** The operating system refuses this process whatever would make a file longer than that: a write error of the disk. */
function limitFiles(bytes: number | 'unlimited'): void {
  const { status, stderr } = spawnSync('prlimit', ['--pid', `${process.pid}`, `--fsize=${bytes}:`], {
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`prlimit: ${stderr}`);
}

afterEach(() => limitFiles('unlimited'));

const KEY = { queue: 'mail', partition: 0 };

/** Produces one item of 20 kB. @returns the error that it got. */
async function produce(backend: StorageBackend, text: string): Promise<StorageError | undefined> {
  const payload = new TextEncoder().encode(text.padEnd(20_000));
  const items = [{ encoding: '', kind: '', reference: '', payload }];
  const partition = backend.partitionStore(KEY);
  return partition.produce([{ items }], HOUR).then(
    () => undefined,
    (error: StorageError) => error,
  );
}

const textsOf = async (backend: StorageBackend) => (await payloadsOf(backend)).map((text) => text.trim());

test('a write error of a commit is told as unknown, and later ones as not-applied; nothing acknowledged is lost', async () => {
  const path = join(await newFolder(), 'queues.db');
  const backend = openBackend(path);
  const acknowledged: string[] = [];
  const unknown: string[] = [];
  const refused: string[] = [];
  const one = async (text: string) => {
    const error = await produce(backend, text);
    if (error === undefined) acknowledged.push(text);
    else if (error.outcome === 'unknown') unknown.push(text);
    else refused.push(text);
    return error;
  };
  for (let n = 0; n < 20; n++) expect(await one(`before-${n}`)).toBeUndefined();
  const limit = statSync(`${path}-wal`).size + 100_000;
  limitFiles(limit);
  const errors: StorageError[] = [];
  for (let n = 0; n < 40 && refused.length < 3; n++) {
    const error = await one(`full-${n}`);
    if (error !== undefined) errors.push(error);
  }
  expect(unknown.length).toBeGreaterThan(0);
  expect(refused).toHaveLength(3);
  for (const { name, message } of errors) {
    expect(name).toBe('StorageError');
    expect(message).toContain(`storage 'disk': file '${path}': the disk failed`);
  }
  await expect(backend.ping()).rejects.toThrow('the disk failed');

  limitFiles('unlimited');
  expect(await backend.ping()).toEqual([]);
  expect(await one('after')).toBeUndefined();
  const held = await textsOf(backend);
  expect(held.filter((text) => !unknown.includes(text))).toEqual(acknowledged);
  expect(held.filter((text) => refused.includes(text))).toEqual([]);
  await backend.close();
  expect(await textsOf(openBackend(path))).toEqual(held);
});

test('calls that share a commit that fails are all told so, and none is acknowledged', async () => {
  const path = join(await newFolder(), 'queues.db');
  const backend = openBackend(path);
  expect(await produce(backend, 'before')).toBeUndefined();
  limitFiles(statSync(`${path}-wal`).size + 4_096);
  const errors = await Promise.all(['a', 'b', 'c'].map((text) => produce(backend, text)));
  expect(errors.map((error) => error?.outcome)).toEqual(['unknown', 'unknown', 'unknown']);
  limitFiles('unlimited');
  expect(await produce(backend, 'after')).toBeUndefined();
  // Whichever it is: all of them, or none.
  const held = await textsOf(backend);
  expect([
    ['before', 'after'],
    ['before', 'a', 'b', 'c', 'after'],
  ]).toContainEqual(held);
});

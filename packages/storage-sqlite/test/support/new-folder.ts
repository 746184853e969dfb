import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseDuration, type StorageBackend, SystemClock, SystemRandom } from '@querator/core';
import { onTestFinished } from 'vitest';
import { type SqliteBackendOptions, sqliteBackend } from '../../src/index.ts';

/** A folder that the end of the test removes. */
export async function newFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'querator-sqlite-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** A storage that the end of the test closes. */
export function openBackend(path: string, options: Partial<SqliteBackendOptions> = {}): StorageBackend {
  const defaults = { name: 'disk', clock: new SystemClock(), random: new SystemRandom() };
  const backend = sqliteBackend({ ...defaults, path, ...options });
  onTestFinished(() => backend.close());
  return backend;
}

export const HOUR = parseDuration('1h');

/** The produce request of one item with this payload. */
export function itemOf(text: string) {
  const payload = new TextEncoder().encode(text);
  return [{ items: [{ encoding: '', kind: '', reference: '', payload }] }];
}

/** The payloads of the items that wait in a partition or are leased. */
export async function payloadsOf(backend: StorageBackend, queue = 'mail'): Promise<readonly string[]> {
  const partition = backend.partitionStore({ queue, partition: 0 });
  const items = await partition.list({ state: 'queued', pivot: '', limit: 100_000 });
  return items.map(({ payload }) => new TextDecoder().decode(payload));
}

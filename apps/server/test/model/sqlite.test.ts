import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Clock, type StorageBackend, SystemClock } from '@querator/core';
import { SeededRandom } from '@querator/core/testing';
import { FileRegistry, sqliteBackend } from '@querator/storage-sqlite';
import { afterAll, beforeAll } from 'vitest';
import { describeModel } from './describe-model.ts';

const registry = new FileRegistry();
/** One folder for each number of partitions, since sequences reuse the queues. */
const folders = new Map<number, string>();
/** Never called. They keep the threads of the files running between sequences. */
const keepers: StorageBackend[] = [];

beforeAll(() => {
  for (const partitions of [1, 3]) {
    folders.set(partitions, mkdtempSync(join(tmpdir(), 'querator-model-')));
    keepers.push(open(partitions, new SystemClock()));
  }
});

afterAll(async () => {
  for (const keeper of keepers) await keeper.close();
  for (const folder of folders.values()) rmSync(folder, { recursive: true });
});

describeModel('sqlite', (partitions) => (clock) => {
  const opened: StorageBackend[] = [];
  return {
    open: () => {
      const backend = open(partitions, clock);
      opened.push(backend);
      return backend;
    },
    close: async () => {
      for (const backend of opened) await backend.close();
    },
  };
});

function open(partitions: number, clock: Clock): StorageBackend {
  // No test here crashes the machine, so commits do not have to wait for the disk.
  const options = { path: folders.get(partitions) ?? '', durability: 'normal' } as const;
  return sqliteBackend({ name: 'sqlite', registry, clock, random: new SeededRandom(), ...options });
}

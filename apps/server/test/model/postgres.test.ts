import { SeededRandom } from '@querator/core/testing';
import { PoolRegistry, postgresBackend } from '@querator/storage-postgres';
import { createTestDatabase, type TestDatabase } from '@querator/tooling-postgres';
import { afterAll, beforeAll } from 'vitest';
import { describeModel } from './describe-model.ts';
import type { MakeStorage } from './service-under-test.ts';

/** Never called. It keeps the pool open between sequences. */
const KEEPER = 'keeper';
const registry = new PoolRegistry();
/** One database for each number of partitions, since sequences reuse the queues. */
const databases = new Map<number, TestDatabase>();
const keepers: { close(): Promise<void> }[] = [];

beforeAll(async () => {
  for (const partitions of [1, 3]) {
    databases.set(partitions, await createTestDatabase());
    keepers.push(open(partitions, KEEPER));
  }
});

afterAll(async () => {
  for (const keeper of keepers) await keeper.close();
  for (const database of databases.values()) await database.drop();
});

describeModel(
  'postgres',
  (partitions): MakeStorage =>
    (clock) => {
      const opened: { close(): Promise<void> }[] = [];
      return {
        open: () => {
          const backend = open(partitions, 'postgres', clock);
          opened.push(backend);
          return backend;
        },
        close: async () => {
          for (const backend of opened) await backend.close();
        },
      };
    },
);

function open(partitions: number, name: string, clock?: Parameters<MakeStorage>[0]) {
  // No test here crashes the database, so commits do not have to wait for the disk.
  const connectionString = `${databases.get(partitions)?.connectionString}?options=${encodeURIComponent('-c synchronous_commit=off')}`;
  return postgresBackend({ name, connectionString, registry, random: new SeededRandom(), clock });
}

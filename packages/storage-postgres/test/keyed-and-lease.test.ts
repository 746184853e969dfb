import { instantFromMilliseconds, type LeasedItem, type PartitionStore } from '@querator/core';
import { createTestDatabase, type TestDatabase } from '@querator/tooling-postgres';
import fc from 'fast-check';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { itemsTableName } from '../src/index.ts';
import { keysTableName } from '../src/sql/table-name.ts';
import { HOUR, item } from './support/contents.ts';
import { testBackend } from './support/test-backend.ts';

const OPTIONS = { expireTimeout: HOUR, newKeys: 'store' } as const;
const CREATED = instantFromMilliseconds(Date.UTC(2026, 0, 1));
const upTo = (limit: number) => ({ limit, leaseTimeout: HOUR });
const PROCESSES = 3;

/** One call of a process. */
const step = fc.oneof(
  fc.record({
    do: fc.constant('produce' as const),
    // Few keys, so that processes often bring the same one at the same time.
    keys: fc.uniqueArray(fc.integer({ min: 0, max: 9 }), { minLength: 1, maxLength: 3 }),
    items: fc.integer({ min: 1, max: 3 }),
    limit: fc.integer({ min: 1, max: 6 }),
  }),
  fc.record({ do: fc.constant('lease' as const), limit: fc.integer({ min: 1, max: 6 }) }),
  fc.record({ do: fc.constant('complete' as const) }),
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

describe('a keyed produce that leases', { timeout: 120_000 }, () => {
  let database: TestDatabase;
  let client: pg.Client;
  let backends: ReturnType<typeof testBackend>[];
  let queues = 0;

  beforeAll(async () => {
    database = await createTestDatabase();
    client = new pg.Client(database.connectionString);
    await client.connect();
    backends = Array.from({ length: PROCESSES }, () => testBackend(database.connectionString));
  });
  afterAll(async () => {
    for (const backend of backends) await backend.close();
    await client.end();
    await database.drop();
  });

  /** A partition of a new queue, in each process. */
  function partition() {
    const key = { queue: `q${++queues}`, partition: 0 };
    const owner = { createdAt: CREATED, isThere: async () => true, wasDeleted: async () => false };
    return { key, stores: backends.map((backend) => backend.partitionStore(key, owner)) };
  }

  test('by several processes stores each key once, and gives each item to one consumer', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(step, { minLength: 1, maxLength: 12 }), {
          minLength: PROCESSES,
          maxLength: PROCESSES,
        }),
        async (steps) => {
          const { stores } = partition();
          const outcome = await runAll(stores, steps);
          const [store] = stores as [PartitionStore];
          const left = await store.lease(upTo(1_000));
          const given = [...outcome.leased, ...left];
          // No item goes to two consumers, and none is missing.
          expect(given.map(({ id }) => id).sort()).toEqual([...outcome.stored.keys()].sort());
          expect(given.every(({ id, reference }) => outcome.stored.get(id) === reference)).toBe(true);
          // Each key was stored by one call, and all others were told the ids of that one.
          for (const ids of outcome.idsOfKeys.values()) expect(new Set(ids).size).toBe(1);
          for (const [key, times] of outcome.timesStored) expect([key, times]).toEqual([key, 1]);
          expect(outcome.waiting).toBe(outcome.stored.size - outcome.leasedAtBirth);
        },
      ),
      { numRuns: 25 },
    );
  });

  test('that waits for another transaction with its key leases its other items, and nothing of that key', async () => {
    const { key, stores } = partition();
    const [one, two] = stores as [PartitionStore, PartitionStore];
    const [items, keys] = [itemsTableName(key), keysTableName(key)];
    await one.produceKeyed?.([{ groups: [{ key: 'first', items: [item('first')] }], window: HOUR }], OPTIONS);
    await one.complete([{ ids: (await one.lease(upTo(1))).map(({ id }) => id) }]);
    // A produce with the key `both` that has not committed.
    await client.query('BEGIN');
    await client.query(
      `INSERT INTO ${keys} SELECT 'both', first_number, random_ends, ends_at FROM ${keys} WHERE key = 'first'`,
    );
    const groups = [
      { key: 'both', items: [item('theirs')] },
      { key: 'own', items: [item('ours')] },
    ];
    const blocked = two.produceKeyedAndLease?.([{ groups, window: HOUR }], OPTIONS, upTo(5));
    await expect
      .poll(async () => {
        const { rows } = await client.query(`SELECT count(*)::int AS n FROM pg_locks WHERE NOT granted`);
        return rows[0].n;
      })
      .toBeGreaterThan(0);
    await client.query('COMMIT');
    const done = await blocked;
    expect(done?.leased.map(({ reference }) => reference)).toEqual(['ours']);
    expect(done?.outcomes).toMatchObject([
      { ok: true, value: { waiting: 0, groups: [{ state: 'duplicate' }, { state: 'stored' }] } },
    ]);
    const { rows } = await client.query(`SELECT reference, is_leased FROM ${items}`);
    expect(rows).toEqual([{ reference: 'ours', is_leased: true }]);
  });

  test('stores the good requests if the data of one is refused, and leases none of them', async () => {
    const { stores } = partition();
    const [store] = stores as [PartitionStore];
    const bad = { groups: [{ key: 'bad', items: [item('\u0000')] }], window: HOUR };
    const good = { groups: [{ key: 'good', items: [item('a')] }], window: HOUR };
    const done = await store.produceKeyedAndLease?.([bad, good], OPTIONS, upTo(5));
    expect(done?.outcomes.map(({ ok }) => ok)).toEqual([false, true]);
    expect(done?.leased).toEqual([]);
    expect((await store.lease(upTo(5))).map(({ reference }) => reference)).toEqual(['a']);
  });
});

/** What all processes were told. */
class Told {
  /** The reference of each stored item, by its id. */
  readonly stored = new Map<string, string>();
  readonly leased: LeasedItem[] = [];
  readonly idsOfKeys = new Map<string, string[]>();
  readonly timesStored = new Map<string, number>();
  leasedAtBirth = 0;
  waiting = 0;
}

async function runAll(stores: readonly PartitionStore[], steps: readonly (readonly Step[])[]): Promise<Told> {
  const told = new Told();
  await Promise.all(
    stores.map(async (store, process) => {
      const held: LeasedItem[] = [];
      for (const each of steps[process] ?? []) await runStep(store, each, { process, held, told });
    }),
  );
  return told;
}

async function runStep(
  store: PartitionStore,
  each: Step,
  { process, held, told }: { readonly process: number; readonly held: LeasedItem[]; readonly told: Told },
): Promise<void> {
  switch (each.do) {
    case 'lease': {
      const items = await store.lease(upTo(each.limit));
      held.push(...items);
      told.leased.push(...items);
      return;
    }
    case 'complete': {
      const [outcome] = await store.complete([{ ids: held.splice(0).map(({ id }) => id) }]);
      expect(outcome).toEqual({ ok: true, value: undefined });
      return;
    }
    case 'produce': {
      const groups = each.keys.map((key) => ({
        key: `key ${key}`,
        items: Array.from({ length: each.items }, (_, n) => item(`${key} ${process} ${n}`)),
      }));
      const request = { groups, window: HOUR };
      const done = await store.produceKeyedAndLease?.([request], OPTIONS, upTo(each.limit));
      held.push(...(done?.leased ?? []));
      told.leased.push(...(done?.leased ?? []));
      told.leasedAtBirth += done?.leased.length ?? 0;
      const [outcome] = done?.outcomes ?? [];
      if (outcome?.ok !== true) throw new Error('the produce was refused');
      told.waiting += outcome.value.waiting;
      for (const [place, group] of outcome.value.groups.entries()) {
        if (group.state === 'refused') throw new Error('the key was refused');
        const { key, items } = groups[place] as (typeof groups)[number];
        told.idsOfKeys.set(key, [...(told.idsOfKeys.get(key) ?? []), group.ids.join()]);
        if (group.state === 'duplicate') continue;
        told.timesStored.set(key, (told.timesStored.get(key) ?? 0) + 1);
        for (const [n, { reference }] of items.entries()) told.stored.set(group.ids[n] ?? '', reference);
      }
    }
  }
}

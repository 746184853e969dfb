import { addDuration, type Instant, milliseconds } from '@querator/core';
import { type Fault, FaultyStorage, SeededRandom } from '@querator/core/testing';
import type { ProducedItem } from '@querator/engine';
import { memoryBackend } from '@querator/storage-memory';
import { PoolRegistry, postgresBackend } from '@querator/storage-postgres';
import { createTestDatabase, type TestDatabase } from '@querator/tooling-postgres';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type MakeStorage, ServiceUnderTest } from './service-under-test.ts';

const PARTITIONS = 2;
const TIMEOUT_MS = 300_000;

type Command =
  /** A client produces until it has an answer. The first answer may be lost. */
  | {
      readonly do: 'produce';
      readonly key: string;
      readonly items: number;
      readonly windowMs: number;
      readonly lost: Fault | undefined;
    }
  /** A consumer completes what it gets. */
  | { readonly do: 'complete'; readonly limit: number }
  | { readonly do: 'clear' }
  | { readonly do: 'advance'; readonly ms: number }
  /** The server is replaced by another one. */
  | { readonly do: 'restart' };

const spans = [1_000, 1_500, 3_000, 10_000];
const commands: fc.Arbitrary<Command[]> = fc.array(
  fc.oneof(
    {
      weight: 8,
      arbitrary: fc.record({
        do: fc.constant('produce' as const),
        key: fc.constantFrom('a', 'b', 'c', 'd'),
        items: fc.integer({ min: 1, max: 3 }),
        windowMs: fc.constantFrom(...spans),
        lost: fc.constantFrom<Fault | undefined>(undefined, 'unknown-applied', 'unknown-lost'),
      }),
    },
    {
      weight: 3,
      arbitrary: fc.record({ do: fc.constant('complete' as const), limit: fc.integer({ min: 1, max: 5 }) }),
    },
    { weight: 1, arbitrary: fc.constant({ do: 'clear' as const }) },
    {
      weight: 4,
      arbitrary: fc.record({ do: fc.constant('advance' as const), ms: fc.constantFrom(...spans) }),
    },
    { weight: 1, arbitrary: fc.constant({ do: 'restart' as const }) },
  ),
  { minLength: 1, maxLength: 25, size: 'max' },
);

/** The keys, and the items that must be in the queue, by the documented rules. */
class Model {
  readonly keys = new Map<
    string,
    { readonly items: number; ids?: readonly string[]; readonly endsAt: Instant }
  >();
  readonly stored = new Set<string>();

  held(key: string, now: Instant) {
    const found = this.keys.get(key);
    return found === undefined || found.endsAt <= now ? undefined : found;
  }
}

async function run(makeStorage: MakeStorage, queueName: string, sequence: readonly Command[]): Promise<void> {
  const faulty: FaultyStorage[] = [];
  const subject = await ServiceUnderTest.start(async (clock) => {
    const inner = await makeStorage(clock);
    return {
      open: () => {
        const storage = new FaultyStorage(inner.open());
        faulty.push(storage);
        return storage;
      },
      close: () => inner.close(),
    };
  });
  const model = new Model();
  const { clock } = subject;
  let texts = 0;

  const send = async ({ key, items, windowMs }: Extract<Command, { do: 'produce' }>, name: string) => {
    const produced = await subject.service.keyedProduces.produce({
      ...{ queueName, requestTimeout: '1m', dedupKey: key, itemKeys: [], dedupWindow: `${windowMs}ms` },
      items: Array.from({ length: items }, (_, n) => ({
        ...{ encoding: '', kind: '', reference: '' },
        payload: Buffer.from(`${name}-${n}`),
      })),
    });
    return produced as readonly Extract<ProducedItem, { id: string }>[];
  };
  const produce = async (command: Extract<Command, { do: 'produce' }>) => {
    const { key, items, windowMs, lost } = command;
    const name = `item ${texts++}`;
    const store = () => {
      if (model.held(key, clock.now()) !== undefined) return;
      model.keys.set(key, { items, endsAt: addDuration(clock.now(), milliseconds(windowMs)) });
      for (let n = 0; n < items; n++) model.stored.add(`${name}-${n}`);
    };
    if (lost !== undefined) {
      const storage = faulty.at(-1) as FaultyStorage;
      for (let n = 0; n < PARTITIONS; n++) storage.fail('produceKeyed', n, lost);
      await expect(send(command, name)).rejects.toMatchObject({ reason: 'outcome_unknown' });
      for (let n = 0; n < PARTITIONS; n++) storage.heal(n);
      if (lost === 'unknown-applied') store();
    }
    const held = model.held(key, clock.now());
    if (held !== undefined && held.items < items) {
      await expect(send(command, name)).rejects.toThrow('dedup_key is invalid; it was stored with');
      return;
    }
    store();
    const produced = await send(command, name);
    expect(produced.map(({ duplicate }) => duplicate)).toEqual(produced.map(() => held !== undefined));
    const known = model.held(key, clock.now());
    const ids = produced.map(({ id }) => id);
    if (known?.ids === undefined && known?.items === items) known.ids = ids;
    if (known?.ids !== undefined) expect(ids).toEqual(known.ids.slice(0, items));
  };
  const present = async () => {
    const lists = Array.from({ length: PARTITIONS }, (_, partition) =>
      subject.service.storage.listItems({ queueName, partition, pivot: '', limit: 0 }),
    );
    return (await Promise.all(lists)).flat().map(({ payload }) => Buffer.from(payload).toString());
  };

  try {
    await subject.service.queues.create({
      ...{ queueName, namespace: '', leaseTimeout: '1h', expireTimeout: '24h', deadQueue: '' },
      ...{ maxAttempts: 0, reference: '', requestedPartitions: PARTITIONS },
    });
    for (const command of sequence) {
      if (command.do === 'produce') await produce(command);
      else if (command.do === 'advance')
        await subject.advanceTo(addDuration(clock.now(), milliseconds(command.ms)));
      else if (command.do === 'restart') await subject.restart(clock.now());
      else if (command.do === 'clear') {
        await subject.service.queue.clear({ queueName, queue: true, destructive: true, scheduled: true });
        model.stored.clear();
      } else if (model.stored.size > 0) {
        const call = { queueName, clientId: 'c', batchSize: command.limit, requestTimeout: '1m' };
        const { partition, items } = await subject.service.queue.lease(call);
        const ids = items.map(({ id }) => id);
        await subject.service.queue.complete({ queueName, partition, requestTimeout: '1m', ids });
        for (const { payload } of items)
          expect(model.stored.delete(Buffer.from(payload).toString())).toBe(true);
      }
      // Each item once: none twice, and none that is missing.
      expect((await present()).sort()).toEqual([...model.stored].sort());
    }
    await subject.service.queues.delete(queueName, false);
  } finally {
    await subject.stop();
  }
}

describe('keyed produces whose answers may be lost', { timeout: TIMEOUT_MS }, () => {
  let database: TestDatabase;
  const registry = new PoolRegistry();

  beforeAll(async () => {
    database = await createTestDatabase();
  }, 60_000);
  afterAll(() => database.drop());

  const storages: Record<string, MakeStorage> = {
    memory: (clock) => {
      const backend = memoryBackend({ name: 'memory', clock, random: new SeededRandom() });
      return { open: () => backend, close: () => backend.close() };
    },
    postgres: (clock) => {
      const opened: { close(): Promise<void> }[] = [];
      return {
        open: () => {
          const { connectionString } = database;
          const random = new SeededRandom(opened.length);
          const backend = postgresBackend({ name: 'postgres', connectionString, registry, random, clock });
          opened.push(backend);
          return backend;
        },
        close: async () => {
          for (const backend of opened) await backend.close();
        },
      };
    },
  };

  test.each([
    ['memory', 100],
    ['postgres', 8],
  ] as const)('store each item once on %s, in any order of events', async (name, numRuns) => {
    let runs = 0;
    await fc.assert(
      fc.asyncProperty(commands, (sequence) => run(storages[name] as MakeStorage, `q${runs++}`, sequence)),
      { numRuns },
    );
  });
});

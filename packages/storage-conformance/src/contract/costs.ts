import type { PartitionKey, StorageCapability } from '@querator/core';
import { describe, expect } from 'vitest';
import { newItem, numbered } from '../fixture/content.ts';
import type { Fixture } from '../fixture/fixture.ts';
import { EXPIRE_TIMEOUT, type PartitionScript } from '../fixture/partition-script.ts';
import type { StorageTest } from '../fixture/storage-test.ts';

/** A partition with few items, and one with many. */
const FEW = 10;
const MANY = 3_000;

/** Requests in a large batch. */
const BATCH = 100;

/** A call whose cost must not depend on what the partition holds. */
interface FlatCall {
  readonly needs?: readonly StorageCapability[];
  readonly call: (script: PartitionScript, fixture: Fixture, key: PartitionKey) => Promise<unknown>;
}

const FLAT: Readonly<Record<string, FlatCall>> = {
  produce: { call: (script) => script.produce('x') },
  'lease and release': {
    call: async (script) => script.store.release((await script.lease(5)).map(({ id }) => id)),
  },
  'lease and complete': {
    call: async (script) => script.complete(...(await script.lease(1)).map(({ id }) => id)),
  },
  'lease and retry': {
    call: async (script) => script.retry(...(await script.lease(1)).map(({ id }) => ({ id }))),
  },
  'a page of the list': { call: ({ store }) => store.list({ state: 'queued', pivot: '', limit: FEW }) },
  'a sweep that finds nothing due': { call: (script) => script.sweep() },
  probe: { call: ({ store }) => store.probe() },
  ping: { call: (_, { backend }) => backend.ping() },
  measure: { call: (_, { backend }, key) => backend.measure([key]) },
  countSmall: {
    needs: ['counts'],
    call: async (_, { backend, clock }, key) => backend.countSmall?.([{ ...key, createdAt: clock.now() }]),
  },
  poll: {
    needs: ['polls'],
    call: async (_, { backend }, key) => backend.poll?.([key], { deadlines: true }),
  },
};

/**
 * What calls may cost, counted in round trips to the storage and not in time. A storage
 * that sends a statement for each item, or reads a partition page by page, is too slow for
 * a server, whatever the machine.
 */
export function describeCosts(test: StorageTest): void {
  /**
   * The round trips of a call. It ran before, so nothing is created or compiled. The least
   * of several counts: work in the background may add to one.
   */
  const costOf = async (roundTrips: () => number, call: () => Promise<unknown>): Promise<number> => {
    await call();
    const counts: number[] = [];
    for (let n = 0; n < 3; n++) {
      const before = roundTrips();
      await call();
      counts.push(roundTrips() - before);
    }
    return Math.min(...counts);
  };

  describe('round trips', () => {
    for (const [name, { needs = [], call }] of Object.entries(FLAT)) {
      test.ifSetup(
        'roundTrips',
        needs,
        `of ${name} do not depend on the size of the partition`,
        async (fixture, roundTrips) => {
          const costs: number[] = [];
          for (const size of [FEW, MANY]) {
            const key = { queue: fixture.name(), partition: 0 };
            const script = fixture.script(fixture.backend.partitionStore(key));
            await script.produce(...numbered('i', size));
            costs.push(await costOf(roundTrips, () => call(script, fixture, key)));
          }
          const [few = 0, many] = costs;
          expect(many).toBeLessThanOrEqual(few);
        },
      );
    }

    // a count that never grows would make the other tests pass
    test.ifSetup('roundTrips', [], 'of a produce are at least one', async (fixture, roundTrips) => {
      const script = fixture.script();
      expect(await costOf(roundTrips, () => script.produce('x'))).toBeGreaterThan(0);
    });

    // "The engine passes all waiting requests at once, and a driver may serve them in one statement"
    test.ifSetup(
      'roundTrips',
      [],
      `of ${BATCH} requests in a batch are those of one, or a few more`,
      async (fixture, roundTrips) => {
        const script = fixture.script();
        const requests = (count: number) => numbered('i', count).map((text) => ({ items: [newItem(text)] }));
        const produce = (count: number) => () => script.store.produce(requests(count), EXPIRE_TIMEOUT);
        const complete = (count: number) => async () => {
          const leased = await script.lease(count);
          return script.store.complete(leased.map(({ id }) => ({ ids: [id] })));
        };
        for (const call of [produce, complete]) {
          const one = await costOf(roundTrips, call(1));
          const many = await costOf(roundTrips, call(BATCH));
          expect(many, call.name).toBeLessThanOrEqual(one + 2);
        }
      },
    );

    // "Polls many partitions in few calls"
    test.ifSetup(
      'roundTrips',
      ['polls'],
      'of a poll of a hundred partitions are few',
      async (fixture, roundTrips) => {
        const queue = fixture.name();
        const keys = Array.from({ length: 100 }, (_, partition) => ({ queue, partition }));
        for (const key of keys) await fixture.backend.partitionStore(key).stats();
        const cost = await costOf(roundTrips, async () => fixture.backend.poll?.(keys, { deadlines: true }));
        expect(cost).toBeLessThanOrEqual(10);
      },
    );
  });
}

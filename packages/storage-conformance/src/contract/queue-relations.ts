import { milliseconds, type Queue, type QueueRelations } from '@querator/core';
import { describe, expect } from 'vitest';
import type { Fixture } from '../fixture/fixture.ts';
import { newQueue } from '../fixture/new-queue.ts';
import type { StorageTest } from '../fixture/storage-test.ts';

/** Enough calls to overlap between a read and its lock. */
const ROUNDS = 20;

const TIMEOUT = { timeout: milliseconds(60_000), check: () => {} };

const refusal = new Error('refused by the check');
const refuse = () => {
  throw refusal;
};

/** A rule of two queues: a dead-letter queue has no dead-letter queue itself, and is not being deleted. */
function refuseChains(relations: QueueRelations | undefined): void {
  if (relations === undefined) return;
  const { deadQueue, deadQueueEnds, usedBy } = relations;
  if (deadQueue === undefined || deadQueueEnds || deadQueue.deadQueue !== '' || usedBy !== undefined)
    refuse();
}

function refuseUsed(usedBy: string | undefined): void {
  if (usedBy !== undefined) refuse();
}

async function create(fixture: Fixture, deadQueue = ''): Promise<Queue> {
  return fixture.queues.create(newQueue(fixture.name(), { deadQueue }));
}

/** The relations that a `check` received. */
async function relationsOf(fixture: Fixture, name: string, deadQueue: string) {
  let read: QueueRelations | undefined;
  await fixture.queues.update(
    name,
    (stored, relations) => {
      read = relations;
      return stored;
    },
    deadQueue,
  );
  return read;
}

/** The stores of two processes if the storage is shared. */
async function twoStores(fixture: Fixture) {
  const other = fixture.backend.capabilities.shared ? await fixture.open() : fixture.backend;
  return [fixture.queues, other.queueStore()] as const;
}

/** What `QueueStore` promises about the rules between two queues. */
export function describeQueueRelations(test: StorageTest): void {
  describe('queue store: relations of two queues', () => {
    // "The state that the rules between two queues are checked against"
    test('returns the dead-letter queue and the user of a queue', async (fixture) => {
      const [dead, queue] = [await create(fixture), await create(fixture)];
      const user = await create(fixture, queue.name);
      await create(fixture, queue.name);
      const expected = { deadQueue: dead, deadQueueEnds: false, usedBy: user.name };
      expect(await relationsOf(fixture, queue.name, dead.name)).toEqual(expected);
      const missing = { deadQueue: undefined, deadQueueEnds: false, usedBy: undefined };
      expect(await relationsOf(fixture, user.name, fixture.name())).toEqual(missing);
    });

    // "Then `relations` is undefined, otherwise it describes that queue"
    test('returns nothing if there is no dead-letter queue', async (fixture) => {
      const queue = await create(fixture);
      await create(fixture, queue.name);
      expect(await relationsOf(fixture, queue.name, '')).toBeUndefined();
      await fixture.queues.create(newQueue(fixture.name()), refuse);
    });

    // `check` "runs if the queue has a dead-letter queue"
    test('passes them to the check of a create', async (fixture) => {
      const [dead, name] = [await create(fixture), fixture.name()];
      const user = await create(fixture, name);
      const read: QueueRelations[] = [];
      await fixture.queues.create(newQueue(name, { deadQueue: dead.name }), (relations) => {
        read.push(relations);
      });
      expect(read.at(-1)).toEqual({ deadQueue: dead, deadQueueEnds: false, usedBy: user.name });
    });

    // "Its error fails the call, and no queue is added"
    test('adds nothing if the check of a create throws', async (fixture) => {
      const [dead, name] = [await create(fixture), fixture.name()];
      const queue = newQueue(name, { deadQueue: dead.name });
      await expect(fixture.queues.create(queue, refuse)).rejects.toBe(refusal);
      expect(await fixture.queues.get(name)).toBeUndefined();
      await fixture.queues.create(queue);
    });

    // "It is valid until the step that reads it ends": two queues never become each other's dead-letter queue
    test('accepts one of two opposite updates', async (fixture) => {
      const stores = await twoStores(fixture);
      for (let round = 0; round < ROUNDS; round++) {
        const [one, other] = [await create(fixture), await create(fixture)];
        const point = (store: number, from: Queue, to: Queue) =>
          stores[store]?.update(
            from.name,
            (stored, relations) => {
              refuseChains(relations);
              return { ...stored, deadQueue: to.name };
            },
            to.name,
          );
        const both = await Promise.allSettled([point(0, one, other), point(1, other, one)]);
        expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
      }
    });

    test('accepts one of a create and an update that make a chain together', async (fixture) => {
      const [here, there] = await twoStores(fixture);
      for (let round = 0; round < ROUNDS; round++) {
        const [middle, last] = [await create(fixture), await create(fixture)];
        const first = newQueue(fixture.name(), { deadQueue: middle.name });
        const point = (stored: Queue, relations: QueueRelations | undefined) => {
          refuseChains(relations);
          return { ...stored, deadQueue: last.name };
        };
        const both = await Promise.allSettled([
          here.create(first, refuseChains),
          there.update(middle.name, point, last.name),
        ]);
        expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
      }
    });
  });

  describe('queue store: partitionCounts', () => {
    // "The number of partitions of all queues on each storage"
    test('counts the partitions of all queues by storage', async (fixture) => {
      const [one, other, unused] = [fixture.name(), fixture.name(), fixture.name()];
      const on = (...names: string[]) => names.map((storageName, partition) => ({ partition, storageName }));
      await fixture.queues.create(newQueue(fixture.name(), { partitions: on(one, other, one) }));
      const queue = await fixture.queues.create(newQueue(fixture.name(), { partitions: on(one) }));
      const counted = async () => {
        const counts = await fixture.queues.partitionCounts();
        return [one, other, unused].map((name) => counts.get(name) ?? 0);
      };
      expect(await counted()).toEqual([3, 1, 0]);
      await fixture.queues.beginDelete(queue.name, queue.createdAt, TIMEOUT);
      expect(await counted()).toEqual([3, 1, 0]);
      await fixture.queues.delete(queue.name);
      expect(await counted()).toEqual([2, 1, 0]);
    });
  });

  describe('queue store: beginDelete', () => {
    // "Until `timeout` has passed by the storage's clock, callers … find `deadQueueEnds` set"
    test('lasts until its time is up, and can be prolonged', async (fixture) => {
      const [queue, other] = [await create(fixture), await create(fixture)];
      const ends = async () => (await relationsOf(fixture, other.name, queue.name))?.deadQueueEnds;
      expect(await fixture.queues.beginDelete(queue.name, queue.createdAt, TIMEOUT)).toBe(true);
      await fixture.clock.advance('40s');
      expect(await ends()).toBe(true);
      await fixture.queues.beginDelete(queue.name, queue.createdAt, TIMEOUT);
      await fixture.clock.advance('59s');
      expect(await ends()).toBe(true);
      await fixture.clock.advance('1s');
      expect(await ends()).toBe(false);
    });

    // "a timeout of zero ends it"
    test('ends with a timeout of zero', async (fixture) => {
      const [queue, other] = [await create(fixture), await create(fixture)];
      await fixture.queues.beginDelete(queue.name, queue.createdAt, TIMEOUT);
      await fixture.queues.beginDelete(queue.name, queue.createdAt, { ...TIMEOUT, timeout: milliseconds(0) });
      expect((await relationsOf(fixture, other.name, queue.name))?.deadQueueEnds).toBe(false);
    });

    // "Settings and stamps stay"
    test('changes nothing that a reader of the queue can see', async (fixture) => {
      const queue = await create(fixture);
      await fixture.queues.beginDelete(queue.name, queue.createdAt, TIMEOUT);
      expect(await fixture.queues.get(queue.name)).toEqual(queue);
      const page = { namespace: queue.namespace, pivot: '', limit: 10 };
      expect(await fixture.queues.list(page)).toEqual([queue]);
      const { createdAt, updatedAt } = queue;
      expect(await fixture.queues.stamps([queue.name])).toEqual(
        new Map([[queue.name, { createdAt, updatedAt }]]),
      );
    });

    // `check` "gets the name of a queue that uses this one"; "Its error fails the call, and nothing is changed"
    test('begins nothing if the check throws', async (fixture) => {
      const [queue, other] = [await create(fixture), await create(fixture)];
      const user = await create(fixture, queue.name);
      const given: (string | undefined)[] = [];
      const begin = fixture.queues.beginDelete(queue.name, queue.createdAt, {
        ...TIMEOUT,
        check: (usedBy) => {
          given.push(usedBy);
          refuseUsed(usedBy);
        },
      });
      await expect(begin).rejects.toBe(refusal);
      expect(given.at(-1)).toBe(user.name);
      expect((await relationsOf(fixture, other.name, queue.name))?.deadQueueEnds).toBe(false);
    });

    // "whether the queue exists"
    test('distinguishes a later queue of the same name', async (fixture) => {
      const [old, other] = [await create(fixture), await create(fixture)];
      await fixture.queues.beginDelete(old.name, old.createdAt, TIMEOUT);
      await fixture.queues.delete(old.name, old.createdAt);
      await fixture.clock.advance('1us');
      await fixture.queues.create(newQueue(old.name));
      // "The deletion ends it too"
      expect((await relationsOf(fixture, other.name, old.name))?.deadQueueEnds).toBe(false);
      const options = { ...TIMEOUT, check: refuse };
      expect(await fixture.queues.beginDelete(old.name, old.createdAt, options)).toBe(false);
      expect(await fixture.queues.beginDelete(fixture.name(), old.createdAt, options)).toBe(false);
      expect((await relationsOf(fixture, other.name, old.name))?.deadQueueEnds).toBe(false);
    });

    test('accepts one of it and an update that begins to use the queue', async (fixture) => {
      const [here, there] = await twoStores(fixture);
      for (let round = 0; round < ROUNDS; round++) {
        const [dead, queue] = [await create(fixture), await create(fixture)];
        const point = (stored: Queue, relations: QueueRelations | undefined) => {
          refuseChains(relations);
          return { ...stored, deadQueue: dead.name };
        };
        const both = await Promise.allSettled([
          here.beginDelete(dead.name, dead.createdAt, { ...TIMEOUT, check: refuseUsed }),
          there.update(queue.name, point, dead.name),
        ]);
        expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
      }
    });
  });

  describe('queue store: delete with a check', () => {
    // `check` "as in `beginDelete`, in the step that removes the queue"
    test('removes nothing if the check throws', async (fixture) => {
      const queue = await create(fixture);
      const user = await create(fixture, queue.name);
      await expect(fixture.queues.delete(queue.name, queue.createdAt, refuseUsed)).rejects.toBe(refusal);
      expect(await fixture.queues.get(queue.name)).toEqual(queue);
      await fixture.queues.delete(user.name);
      expect(await fixture.queues.delete(queue.name, queue.createdAt, refuseUsed)).toBe(true);
      expect(await fixture.queues.get(queue.name)).toBeUndefined();
    });

    test('checks nothing for a queue that is gone, or for a later one', async (fixture) => {
      const old = await create(fixture);
      await fixture.queues.delete(old.name);
      expect(await fixture.queues.delete(old.name, old.createdAt, refuse)).toBe(false);
      await fixture.clock.advance('1us');
      await fixture.queues.create(newQueue(old.name));
      expect(await fixture.queues.delete(old.name, old.createdAt, refuse)).toBe(false);
      expect(await fixture.queues.get(old.name)).toBeDefined();
    });

    test('accepts one of it and an update that begins to use the queue', async (fixture) => {
      const [here, there] = await twoStores(fixture);
      for (let round = 0; round < ROUNDS; round++) {
        const [dead, queue] = [await create(fixture), await create(fixture)];
        const point = (stored: Queue, relations: QueueRelations | undefined) => {
          refuseChains(relations);
          return { ...stored, deadQueue: dead.name };
        };
        const both = await Promise.allSettled([
          here.delete(dead.name, dead.createdAt, refuseUsed),
          there.update(queue.name, point, dead.name),
        ]);
        expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
      }
    });
  });
}

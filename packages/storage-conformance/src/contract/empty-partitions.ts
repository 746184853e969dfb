import {
  addDuration,
  type Duration,
  type PartitionOwner,
  type PartitionStore,
  parseDuration,
  type Queue,
} from '@querator/core';
import { describe, expect } from 'vitest';
import { newItem, textsOf } from '../fixture/content.ts';
import type { Fixture } from '../fixture/fixture.ts';
import { newQueue } from '../fixture/new-queue.ts';
import { EXPIRE_TIMEOUT, type PartitionScript } from '../fixture/partition-script.ts';
import type { StorageTest } from '../fixture/storage-test.ts';

const TIMEOUT = parseDuration('5m');

/** Ways to fill a partition with one item that a `lease` may not find. */
const FILLED: Readonly<Record<string, (script: PartitionScript) => Promise<unknown>>> = {
  'a waiting item': (script) => script.produce('a'),
  'a leased item': async (script) => {
    await script.produce('a');
    await script.leaseOne();
  },
  'a scheduled item': (script) => script.produceItems([newItem('a', script.in('1h'))]),
  'a moving item': (script) => script.addMoving('a'),
  'a prepared letter': (script) => script.prepare('a'),
};

/** The owner of the partitions of a queue, as the engine passes it. */
function ownerOf({ queues }: Fixture, { name, createdAt }: Queue): PartitionOwner {
  return {
    createdAt,
    isThere: async () => {
      const stored = await queues.get(name);
      return stored?.createdAt === createdAt && stored.closure === undefined;
    },
    wasDeleted: (created) => queues.wasDeleted(name, created),
  };
}

/** What `QueueStore.close` and `PartitionStore.dropEmpty` promise. */
export function describeEmptyPartitions(test: StorageTest): void {
  describe('queue store: closures', () => {
    // "`get` and `list` show the token … Settings and stamps stay"; "ends the closure of that token, and no other"
    test.ifDropsEmpty('are shown until they are ended by their token', async (fixture, close) => {
      const queue = await fixture.queues.create(newQueue(fixture.name()));
      const { name, namespace, createdAt } = queue;
      await fixture.clock.advance('1s');
      expect(await close(name, createdAt, { token: 'a', timeout: TIMEOUT })).toBe(true);
      expect(await fixture.queues.get(name)).toEqual({ ...queue, closure: 'a' });
      expect(await fixture.queues.list({ namespace, pivot: name, limit: 1 })).toEqual([
        { ...queue, closure: 'a' },
      ]);
      expect(await close(name, createdAt, { token: 'b', timeout: undefined })).toBe(false);
      expect((await fixture.queues.get(name))?.closure).toBe('a');
      expect(await close(name, createdAt, { token: 'a', timeout: undefined })).toBe(true);
      expect(await fixture.queues.get(name)).toEqual(queue);
    });

    // "A later closure replaces an earlier one"; "how long it lasts, by the storage's clock"
    test.ifDropsEmpty('end by themselves, and give way to later ones', async (fixture, close) => {
      const { name, createdAt } = await fixture.queues.create(newQueue(fixture.name()));
      await close(name, createdAt, { token: 'a', timeout: TIMEOUT });
      await fixture.clock.advance('4m');
      await close(name, createdAt, { token: 'b', timeout: TIMEOUT });
      expect(await close(name, createdAt, { token: 'a', timeout: undefined })).toBe(false);
      await fixture.clock.advance('4m59s');
      expect((await fixture.queues.get(name))?.closure).toBe('b');
      await fixture.clock.advance('1s');
      expect((await fixture.queues.get(name))?.closure).toBeUndefined();
    });

    // "A later one of the same name stays as it is"
    test.ifDropsEmpty('close no other queue', async (fixture, close) => {
      const { name, createdAt } = await fixture.queues.create(newQueue(fixture.name()));
      const other = addDuration(createdAt, parseDuration('1us'));
      expect(await close(name, other, { token: 'a', timeout: TIMEOUT })).toBe(false);
      expect(await close(fixture.name(), createdAt, { token: 'a', timeout: TIMEOUT })).toBe(false);
      expect((await fixture.queues.get(name))?.closure).toBeUndefined();
    });

    // `delete`: "the token of the queue's closure, if it stays in force for `CLOSURE_MARGIN` or longer"
    test.ifDropsEmpty('are told to a deletion while they last for another minute', async (fixture, close) => {
      const { name, createdAt } = await fixture.queues.create(newQueue(fixture.name()));
      const seen: (string | undefined)[] = [];
      const look = async () => {
        const spared = fixture.queues.delete(name, createdAt, (_usedBy, closure) => {
          seen.push(closure);
          throw new Error('spared');
        });
        await expect(spared).rejects.toThrow('spared');
      };
      await look();
      await close(name, createdAt, { token: 'a', timeout: TIMEOUT });
      await look();
      await fixture.clock.advance('4m');
      await look();
      expect(seen).toEqual([undefined, 'a', undefined]);
      expect((await fixture.queues.get(name))?.closure).toBe('a');
    });
  });

  describe('dropEmpty', () => {
    // "no item in any state, no prepared letter"
    for (const [what, fill] of Object.entries(FILLED)) {
      test.ifDropsEmpty(`spares a partition with ${what}`, async (fixture) => {
        const script = fixture.script();
        await fill(script);
        const before = [await script.queued(), await script.scheduled(), await script.prepared()];
        expect(before.flat()).toHaveLength(1);
        expect(await script.store.dropEmpty?.()).toBe(false);
        expect([await script.queued(), await script.scheduled(), await script.prepared()]).toEqual(before);
      });
    }

    // "@returns whether nothing is left: also true if there was no partition"
    test.ifDropsEmpty('removes a partition that holds nothing any more, or never did', async (fixture) => {
      const script = fixture.script();
      expect(await script.store.dropEmpty?.()).toBe(true);
      await script.produce('a');
      await script.complete(await script.leaseOne());
      expect(await script.store.dropEmpty?.()).toBe(true);
      expect(await script.store.dropEmpty?.()).toBe(true);
      expect(await script.store.stats({ createNothing: true })).toMatchObject({ waiting: 0, leased: 0 });
      await script.produce('b');
      expect(textsOf(await script.lease())).toEqual(['b']);
    });

    // "Its dedup keys stay until `drop`"
    test.ifDropsEmpty('keeps the dedup keys', async (fixture) => {
      const script = fixture.script();
      const produce = () =>
        script.store.produceKeyed?.(
          [{ groups: [{ key: 'k', items: [newItem('a')] }], window: TIMEOUT as Duration }],
          { expireTimeout: EXPIRE_TIMEOUT, newKeys: 'store' },
        );
      if ((await produce()) === undefined) return;
      await script.complete(await script.leaseOne());
      expect(await script.store.dropEmpty?.()).toBe(true);
      await produce();
      expect(await script.queued()).toEqual([]);
      expect(await script.store.countKeys?.()).toBe(1);
      await script.store.drop();
      await produce();
      expect(await script.queuedTexts()).toEqual(['a']);
    });

    // "It came later. Then it … fails without effect if the answer is no"
    test.ifDropsEmpty('lets a closed queue have no new partition', async (fixture, close) => {
      const queue = await fixture.queues.create(newQueue(fixture.name()));
      const { name, createdAt } = queue;
      const key = { queue: name, partition: 0 };
      const owner = ownerOf(fixture, queue);
      const others = fixture.backend.capabilities.shared ? await fixture.open() : fixture.backend;
      const here = fixture.script(fixture.backend.partitionStore(key, owner));
      const there = fixture.script(others.partitionStore(key, owner));
      await there.produce('early');
      await there.complete(await there.leaseOne());
      await close(name, createdAt, { token: 'a', timeout: TIMEOUT });
      expect(await here.store.dropEmpty?.()).toBe(true);
      for (const script of [there, here]) {
        await expect(script.produce('late')).rejects.toMatchObject({ outcome: 'not-applied' });
      }
      expect(await here.store.dropEmpty?.()).toBe(true);
      await close(name, createdAt, { token: 'a', timeout: undefined });
      await there.produce('again');
      expect(await here.queuedTexts()).toEqual(['again']);
    });

    // "Of a concurrent call that stores an item, exactly one holds"
    test.ifDropsEmpty('loses no item that a concurrent call stores', async (fixture, close) => {
      const others = fixture.backend.capabilities.shared ? await fixture.open() : fixture.backend;
      for (let round = 0; round < 10; round++) {
        const queue = await fixture.queues.create(newQueue(fixture.name()));
        const { name, createdAt } = queue;
        const key = { queue: name, partition: 0 };
        const owner = ownerOf(fixture, queue);
        const stores = [fixture.backend, others, others].map((backend) => backend.partitionStore(key, owner));
        // In half of the rounds the partition is there already.
        if (round % 2 === 0) await stores[1]?.probe();
        const produceAfter = async (store: PartitionStore, n: number) => {
          for (let turn = 0; turn < (n * round) % 4; turn++) await store.stats({ createNothing: true });
          await store.produce([{ items: [newItem(`${n}`)] }], EXPIRE_TIMEOUT);
        };
        const produced = stores.map((store, n) =>
          produceAfter(store, n).then(
            () => 1,
            () => 0,
          ),
        );
        await close(name, createdAt, { token: 'a', timeout: TIMEOUT });
        const isEmpty = await stores[0]?.dropEmpty?.();
        const acknowledged = (await Promise.all(produced)).reduce((sum: number, n) => sum + n, 0);
        const { waiting = -1 } = (await stores[0]?.stats({ createNothing: true })) ?? {};
        expect(waiting).toBe(acknowledged);
        if (isEmpty) expect(acknowledged).toBe(0);
      }
    });
  });
}

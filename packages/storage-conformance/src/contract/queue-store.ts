import { parseDuration, type Queue } from '@querator/core';
import { describe, expect } from 'vitest';
import { numbered } from '../fixture/content.ts';
import type { Fixture } from '../fixture/fixture.ts';
import { newQueue } from '../fixture/new-queue.ts';
import type { StorageTest } from '../fixture/storage-test.ts';

const namesOf = (queues: readonly Queue[]) => queues.map((queue) => queue.name);

/** What `QueueStore` promises. */
export function describeQueueStore(test: StorageTest): void {
  describe('queue store: create and get', () => {
    // "Adds a queue with createdAt and updatedAt by the storage's clock"
    test('stores every field and both times', async (fixture) => {
      const queue = newQueue(fixture.name(), { deadQueue: 'dead', maxAttempts: 65_536 });
      const stored = { ...queue, createdAt: fixture.clock.now(), updatedAt: fixture.clock.now() };
      expect(await fixture.queues.create(queue)).toEqual(stored);
      await fixture.clock.advance('1m');
      expect(await fixture.queues.get(queue.name)).toEqual(stored);
    });

    // durations are exact over the whole range of Go's
    test('keeps durations to the nanosecond', async (fixture) => {
      for (const [lease, expire] of [
        ['1us', '1.000000001s'],
        ['1.000001ns', '2562047h47m16.854775807s'],
        ['999999h59m59.999999999s', '2562047h47m16.854775806s'],
      ] as const) {
        const name = fixture.name();
        const [leaseTimeout, expireTimeout] = [parseDuration(lease), parseDuration(expire)];
        await fixture.queues.create(newQueue(name, { leaseTimeout, expireTimeout }));
        expect(await fixture.queues.get(name)).toMatchObject({ leaseTimeout, expireTimeout });
      }
    });

    // names are compared byte for byte, up to 512 bytes of any text
    test('compares names byte by byte', async (fixture) => {
      const base = fixture.name('-Name');
      const padded = base + 'ü'.repeat(Math.floor((511 - base.length) / 2));
      const long = padded + 'x'.repeat(511 - Buffer.byteLength(padded));
      const names = [
        base,
        base.toLowerCase(),
        `${base} `,
        `${base}%`,
        `${base}_`,
        `${base}'"\\`,
        `${base}\u00e9`,
        `${base}e\u0301`,
        `${base}😀`,
        `${long}a`,
        `${long}b`,
      ];
      expect(Buffer.byteLength(names.at(-1) ?? '')).toBe(512);
      for (const name of names) await fixture.queues.create(newQueue(name));
      for (const name of names)
        expect((await fixture.queues.get(name))?.reference).toBe(`reference of ${name}`);
      expect(await fixture.queues.get(base.toUpperCase())).toBeUndefined();
      expect(await fixture.queues.get(base.slice(0, -1))).toBeUndefined();
    });

    // any text and any list of partitions is stored
    test('keeps texts and placements as they are', async (fixture) => {
      const partitions = Array.from({ length: 100 }, (_, partition) => ({
        partition,
        storageName: `störage '${partition}"`,
      }));
      const queue = newQueue(fixture.name(), {
        reference: `"; 'x' \\ 😀\n`,
        partitions,
        requestedPartitions: 100,
      });
      await fixture.queues.create(queue);
      expect(await fixture.queues.get(queue.name)).toMatchObject(queue);
      const bare = newQueue(fixture.name(), { reference: '', maxAttempts: 0, partitions: [] });
      await fixture.queues.create(bare);
      expect(await fixture.queues.get(bare.name)).toMatchObject(bare);
    });

    // "if the name is taken. The stored queue stays as it is"
    test('refuses a name that is taken', async (fixture) => {
      const name = fixture.name();
      const stored = await fixture.queues.create(newQueue(name));
      await fixture.clock.advance('1s');
      await expect(fixture.queues.create(newQueue(name, { reference: 'other' }))).rejects.toMatchObject({
        name: 'QueueError',
        code: 'invalid',
        message: `invalid queue; '${name}' already exists`,
      });
      expect(await fixture.queues.get(name)).toEqual(stored);
    });

    // "Unique among all queues of all namespaces"
    test('refuses a name that is taken in another namespace', async (fixture) => {
      const name = fixture.name();
      await fixture.queues.create(newQueue(name, { namespace: 'one' }));
      await expect(fixture.queues.create(newQueue(name, { namespace: 'other' }))).rejects.toThrow(
        'already exists',
      );
    });

    // "calls may run concurrently": of many calls exactly one succeeds
    test('creates a name once among concurrent calls', async (fixture) => {
      const name = fixture.name();
      const results = await Promise.allSettled(
        numbered('call', 8).map((reference) => fixture.queues.create(newQueue(name, { reference }))),
      );
      const winners = results.filter((result) => result.status === 'fulfilled');
      expect(winners).toHaveLength(1);
      for (const result of results) {
        if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'invalid' });
      }
      expect(await fixture.queues.get(name)).toEqual(winners[0]?.value);
    });

    // "undefined if there is none"
    test('returns nothing for an unknown name', async (fixture) => {
      expect(await fixture.queues.get(fixture.name())).toBeUndefined();
    });
  });

  describe('queue store: list', () => {
    async function createAll(fixture: Fixture, namespace: string, names: readonly string[]) {
      for (const name of names) await fixture.queues.create(newQueue(name, { namespace }));
    }

    // "in order of their names, compared as bytes"
    test('orders by the bytes of the names', async (fixture) => {
      const [namespace, base] = [fixture.name(), fixture.name()];
      // Ascending in UTF-8. UTF-16 order, locales and case-insensitive orders differ from it.
      const endings = [
        '',
        ' ',
        '-',
        '0',
        '10',
        '2',
        'A',
        'Z',
        '_',
        'a',
        'aa',
        'z',
        '\u00c4',
        '\u00e4',
        '\uff5e',
        '😀',
      ];
      const names = endings.map((ending) => base + ending);
      await createAll(fixture, namespace, [...names].reverse());
      expect(namesOf(await fixture.queues.list({ namespace, pivot: '', limit: 100 }))).toEqual(names);
    });

    // "starts at this name, or at the next greater one"; "The most queues of a page"
    test('starts at the pivot, whether it exists or not, and respects the limit', async (fixture) => {
      const [namespace, base] = [fixture.name(), fixture.name()];
      const names = ['b', 'd', 'f', 'h'].map((ending) => base + ending);
      const [b, d, f, h] = names;
      await createAll(fixture, namespace, names);
      const page = async (pivot: string, limit: number) =>
        namesOf(await fixture.queues.list({ namespace, pivot, limit }));
      expect(await page('', 2)).toEqual([b, d]);
      expect(await page(`${base}d`, 2)).toEqual([d, f]);
      expect(await page(`${base}e`, 2)).toEqual([f, h]);
      expect(await page(`${base}h`, 10)).toEqual([h]);
      expect(await page(`${base}i`, 10)).toEqual([]);
      await fixture.queues.delete(d as string);
      expect(await page(`${base}d`, 1)).toEqual([f]);
    });

    // "Only queues of this namespace", "The filter applies before the limit"
    test('filters by namespace before it limits', async (fixture) => {
      const base = fixture.name();
      const [ours, theirs] = [fixture.name(), fixture.name()];
      for (const n of [1, 2, 3, 4, 5, 6]) {
        await createAll(fixture, n % 3 === 0 ? ours : theirs, [`${base}${n}`]);
      }
      expect(namesOf(await fixture.queues.list({ namespace: ours, pivot: '', limit: 1 }))).toEqual([
        `${base}3`,
      ]);
      expect(namesOf(await fixture.queues.list({ namespace: ours, pivot: '', limit: 2 }))).toEqual([
        `${base}3`,
        `${base}6`,
      ]);
      expect(namesOf(await fixture.queues.list({ namespace: ours, pivot: `${base}4`, limit: 2 }))).toEqual([
        `${base}6`,
      ]);
      expect(await fixture.queues.list({ namespace: fixture.name(), pivot: '', limit: 10 })).toEqual([]);
    });

    // "Undefined: of all namespaces"
    test('lists the queues of all namespaces by their names', async (fixture) => {
      const base = fixture.name();
      for (const n of [1, 2, 3, 4]) await createAll(fixture, fixture.name(), [`${base}${n}`]);
      const page = async (pivot: string, limit: number) =>
        namesOf(await fixture.queues.list({ namespace: undefined, pivot, limit }));
      expect(await page(`${base}1`, 3)).toEqual([`${base}1`, `${base}2`, `${base}3`]);
      expect(await page(`${base}3`, 2)).toEqual([`${base}3`, `${base}4`]);
    });

    // a page has the same queues as `get`
    test('lists queues with all their fields', async (fixture) => {
      const queue = newQueue(fixture.name());
      const stored = await fixture.queues.create(queue);
      expect(await fixture.queues.list({ namespace: queue.namespace, pivot: '', limit: 10 })).toEqual([
        stored,
      ]);
    });
  });

  describe('queue store: update', () => {
    // "Replaces the settings of a queue"; "updatedAt becomes now"
    test('replaces the settings and returns what is stored', async (fixture) => {
      const stored = await fixture.queues.create(newQueue(fixture.name()));
      await fixture.clock.advance('1m');
      const settings = {
        leaseTimeout: parseDuration('2.000000001s'),
        expireTimeout: parseDuration('1h'),
        deadQueue: 'dead',
        maxAttempts: 0,
        reference: '',
        requestedPartitions: 5,
      };
      const updated = { ...stored, ...settings, updatedAt: fixture.clock.now() };
      expect(await fixture.queues.update(stored.name, (queue) => ({ ...queue, ...settings }))).toEqual(
        updated,
      );
      expect(await fixture.queues.get(stored.name)).toEqual(updated);
    });

    // "name, namespace, partitions and createdAt stay, whatever it returns"
    test('keeps name, namespace, creation time and placement', async (fixture) => {
      const stored = await fixture.queues.create(newQueue(fixture.name()));
      await fixture.clock.advance('1m');
      await fixture.queues.update(stored.name, () =>
        newQueue(`${stored.name}-other`, { namespace: 'other', partitions: [], reference: 'changed' }),
      );
      expect(await fixture.queues.get(stored.name)).toEqual({
        ...stored,
        maxAttempts: 3,
        reference: 'changed',
        updatedAt: fixture.clock.now(),
      });
      expect(await fixture.queues.get(`${stored.name}-other`)).toBeUndefined();
    });

    // "`change` gets the stored queue"
    test('passes the stored queue to the change', async (fixture) => {
      const stored = await fixture.queues.create(newQueue(fixture.name()));
      const given: Queue[] = [];
      await fixture.queues.update(stored.name, (queue) => {
        given.push(queue);
        return queue;
      });
      expect(given.at(-1)).toEqual(stored);
    });

    // "undefined if there is none of that name"
    test('does nothing if the queue does not exist', async (fixture) => {
      const name = fixture.name();
      expect(await fixture.queues.update(name, (queue) => queue)).toBeUndefined();
      expect(await fixture.queues.get(name)).toBeUndefined();
    });

    // "the error of `change`; then nothing was changed"
    test('passes on the error of the change, and changes nothing', async (fixture) => {
      const stored = await fixture.queues.create(newQueue(fixture.name()));
      await fixture.clock.advance('1s');
      const refusal = new Error('refused by the change');
      const update = fixture.queues.update(stored.name, () => {
        throw refusal;
      });
      await expect(update).rejects.toBe(refusal);
      expect(await fixture.queues.get(stored.name)).toEqual(stored);
      expect(await fixture.queues.update(stored.name, (queue) => queue)).toBeDefined();
    });

    // "no other update can come in between": no update is lost
    test('applies every one of many concurrent updates', async (fixture) => {
      const { name } = await fixture.queues.create(newQueue(fixture.name(), { maxAttempts: 0 }));
      const stores = [fixture.queues];
      if (fixture.backend.capabilities.shared) stores.push((await fixture.open()).queueStore());
      await Promise.all(
        Array.from({ length: 20 }, (_, n) =>
          stores[n % stores.length]?.update(name, (queue) => ({
            ...queue,
            maxAttempts: queue.maxAttempts + 1,
          })),
        ),
      );
      expect((await fixture.queues.get(name))?.maxAttempts).toBe(20);
    });

    // only this queue
    test('changes no other queue', async (fixture) => {
      const [one, other] = [fixture.name(), fixture.name()];
      await fixture.queues.create(newQueue(one));
      const stored = await fixture.queues.create(newQueue(other));
      await fixture.queues.update(one, (queue) => ({ ...queue, reference: 'changed' }));
      expect(await fixture.queues.get(other)).toEqual(stored);
    });
  });

  describe('queue store: stamps', () => {
    // "The stamps of those of the queues that exist"
    test('returns the stamps of the named queues that exist, and of no others', async (fixture) => {
      const [one, other, missing] = [fixture.name(), fixture.name(), fixture.name()];
      const stored = await fixture.queues.create(newQueue(one));
      await fixture.queues.create(newQueue(other));
      const { createdAt, updatedAt } = stored;
      expect(await fixture.queues.stamps([one, missing])).toEqual(new Map([[one, { createdAt, updatedAt }]]));
      expect(await fixture.queues.stamps([])).toEqual(new Map());
    });

    // "Identifies one state of a queue, also among queues of the same name"
    test('differ after an update, and after the queue was created anew', async (fixture) => {
      const name = fixture.name();
      const stamp = async () => (await fixture.queues.stamps([name])).get(name);
      const created = await fixture.queues.create(newQueue(name));
      await fixture.clock.advance('1us');
      await fixture.queues.update(name, (queue) => ({ ...queue, reference: 'changed' }));
      const updated = await stamp();
      expect(updated?.createdAt).toBe(created.createdAt);
      expect(updated?.updatedAt).not.toBe(created.updatedAt);
      await fixture.queues.delete(name);
      expect(await stamp()).toBeUndefined();
      await fixture.clock.advance('1us');
      await fixture.queues.create(newQueue(name));
      expect((await stamp())?.createdAt).not.toBe(created.createdAt);
    });
  });

  describe('queue store: delete and dead-letter queues', () => {
    // "Removes the queue of that name", "whether the queue existed"
    test('deletes a queue once', async (fixture) => {
      const [one, other] = [fixture.name(), fixture.name()];
      await fixture.queues.create(newQueue(one));
      await fixture.queues.create(newQueue(other));
      expect(await fixture.queues.delete(one)).toBe(true);
      expect(await fixture.queues.delete(one)).toBe(false);
      expect(await fixture.queues.get(one)).toBeUndefined();
      expect(await fixture.queues.get(other)).toBeDefined();
    });

    // "only the queue with that creation time, and no later one of the same name"
    test('deletes the queue with the given creation time, and no later one', async (fixture) => {
      const name = fixture.name();
      const { createdAt: first } = await fixture.queues.create(newQueue(name));
      expect(await fixture.queues.delete(name, first)).toBe(true);
      expect(await fixture.queues.delete(name, first)).toBe(false);
      await fixture.clock.advance('1us');
      const { createdAt: second } = await fixture.queues.create(newQueue(name));
      expect(await fixture.queues.delete(name, first)).toBe(false);
      expect(await fixture.queues.get(name)).toMatchObject({ createdAt: second });
      expect(await fixture.queues.delete(name, second)).toBe(true);
      expect(await fixture.queues.get(name)).toBeUndefined();
    });

    // the name is free, and nothing of the old queue is left
    test('lets a deleted name be created again', async (fixture) => {
      const name = fixture.name();
      await fixture.queues.create(newQueue(name, { reference: 'old' }));
      await fixture.queues.delete(name);
      await fixture.clock.advance('1m');
      const stored = await fixture.queues.create(newQueue(name, { reference: 'new' }));
      expect(stored.createdAt).toBe(fixture.clock.now());
      expect(await fixture.queues.get(name)).toEqual(stored);
    });

    // "A queue whose dead-letter queue is `name`, the first in byte order; undefined if there is none"
    test('finds the first queue that uses a dead-letter queue', async (fixture) => {
      const [dead, base] = [fixture.name(), fixture.name()];
      expect(await fixture.queues.findByDeadQueue(dead)).toBeUndefined();
      for (const ending of ['\uff5e', 'a', 'B', '😀']) {
        await fixture.queues.create(newQueue(base + ending, { deadQueue: dead }));
      }
      await fixture.queues.create(newQueue(`${base}A`, { deadQueue: `${dead}x` }));
      expect(await fixture.queues.findByDeadQueue(dead)).toBe(`${base}B`);
      await fixture.queues.update(`${base}B`, (queue) => ({ ...queue, deadQueue: '' }));
      expect(await fixture.queues.findByDeadQueue(dead)).toBe(`${base}a`);
      await fixture.queues.delete(`${base}a`);
      expect(await fixture.queues.findByDeadQueue(dead)).toBe(`${base}\uff5e`);
    });

    // the store returns copies: the caller may change them
    test('does not change if the caller changes a result or an argument', async (fixture) => {
      const partitions = [{ partition: 0, storageName: 'first' }];
      const name = fixture.name();
      const stored = await fixture.queues.create(newQueue(name, { partitions }));
      partitions.push({ partition: 1, storageName: 'pushed' });
      (stored.partitions as unknown[]).length = 0;
      ((await fixture.queues.get(name))?.partitions as unknown[]).length = 0;
      expect((await fixture.queues.get(name))?.partitions).toEqual([{ partition: 0, storageName: 'first' }]);
    });
  });
}

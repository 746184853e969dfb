import { capabilityFaults, parseDuration } from '@querator/core';
import { describe, expect } from 'vitest';
import { deadLetter, importedItem, newItem, textsOf } from '../fixture/content.ts';
import { AUTO_COMMIT_TIMEOUT, EXPIRE_TIMEOUT, LEASE_TIMEOUT } from '../fixture/partition-script.ts';
import type { StorageTest } from '../fixture/storage-test.ts';

/** What `StorageBackend` promises: opening, closing, reopening, and true capabilities. */
export function describeLifecycle(test: StorageTest): void {
  describe('backend', () => {
    // the capabilities are complete data
    test('has a name and states its capabilities', async (fixture) => {
      expect(fixture.backend.name).not.toBe('');
      const { durable, shared, ...others } = fixture.backend.capabilities;
      for (const stated of [durable, shared, ...Object.values(others)]) expect(stated).toBeTypeOf('boolean');
    });

    // "An optional member of a port is there exactly if its capability is claimed."
    test('has the optional members of its claims and no others, and is shared only if durable', async (fixture) => {
      expect(capabilityFaults(fixture.backend)).toEqual([]);
    });

    // `queueStore`: "Returns the same object each time"
    test('returns the same queue store each time', async (fixture) => {
      expect(fixture.backend.queueStore()).toBe(fixture.backend.queueStore());
    });

    // `partitionStore`: "Two stores of one key see the same items"
    test('returns partition stores that see the same items', async (fixture) => {
      const key = { queue: fixture.name(), partition: 3 };
      const [one, other] = [0, 1].map(() => fixture.script(fixture.backend.partitionStore({ ...key })));
      await one?.produce('a', 'b');
      await one?.lease(1);
      expect(textsOf((await other?.lease()) ?? [])).toEqual(['b']);
    });

    // `partitionStore`: "A cheap call"; an unused store needs no storage
    test('returns partition stores without a call of the storage', async (fixture) => {
      for (let partition = 0; partition < 1_000; partition++) {
        fixture.backend.partitionStore({ queue: fixture.name(), partition });
      }
    });

    // "A second close has no effect"
    test('can be closed twice, and while it is being closed', async (fixture) => {
      const backend = fixture.backend;
      await backend.partitionStore({ queue: fixture.name(), partition: 0 }).stats();
      await Promise.all([backend.close(), backend.close()]);
      await backend.close();
    });

    // an unused backend can be closed
    test('can be closed unused', async (fixture) => {
      await fixture.backend.close();
    });

    // "Checks whether the storage can serve"
    test('answers a ping, before and after its first use', async (fixture) => {
      expect(await fixture.backend.ping()).toEqual([]);
      await fixture.partition().produce([{ items: [newItem('a')] }], EXPIRE_TIMEOUT);
      expect(await fixture.backend.ping()).toEqual([]);
    });

    // "Later calls fail" with a rejected StorageError
    test('refuses every call after it was closed', async (fixture) => {
      const queues = fixture.queues;
      const store = fixture.partition();
      await store.produce([{ items: [newItem('a')] }], EXPIRE_TIMEOUT);
      await fixture.backend.close();
      const calls: Record<string, () => Promise<unknown>> = {
        get: () => queues.get('a'),
        ping: () => fixture.backend.ping(),
        stamps: () => queues.stamps(['a']),
        'list of queues': () => queues.list({ namespace: 'a', pivot: '', limit: 1 }),
        'delete of a queue': () => queues.delete('a'),
        update: () => queues.update('a', (queue) => queue),
        wasDeleted: () => queues.wasDeleted('a', fixture.clock.now()),
        forgetDeletion: () => queues.forgetDeletion('a', fixture.clock.now()),
        findByDeadQueue: () => queues.findByDeadQueue('a'),
        produce: () => store.produce([{ items: [newItem('a')] }], EXPIRE_TIMEOUT),
        lease: () => store.lease({ limit: 1, leaseTimeout: LEASE_TIMEOUT }),
        release: () => store.release(['0'.repeat(27)]),
        complete: () => store.complete([{ ids: ['0'.repeat(27)] }]),
        retry: () =>
          store.retry([{ items: [{ id: '0'.repeat(27), dead: false }] }], { maxAttempts: 0, dead: 'delete' }),
        list: () => store.list({ state: 'queued', pivot: '', limit: 1 }),
        stats: () => store.stats(),
        probe: () => store.probe(),
        import: () => store.import([importedItem('a')], EXPIRE_TIMEOUT),
        delete: () => store.delete(['0'.repeat(27)]),
        clear: () => store.clear({ waiting: true, leased: true, scheduled: true }),
        sweep: () =>
          store.sweep({ limit: 1, maxAttempts: 0, dead: 'delete', claimTimeout: parseDuration('1m') }),
        markMoved: () => store.markMoved(['0'.repeat(27)]),
        remove: () => store.remove(['0'.repeat(27)]),
        prepareLetters: () =>
          store.prepareLetters([deadLetter('a')], {
            expireTimeout: EXPIRE_TIMEOUT,
            autoCommitTimeout: AUTO_COMMIT_TIMEOUT,
          }),
        commitLetters: () => store.commitLetters(['a']),
        abortLetters: () => store.abortLetters(['a']),
        drop: () => store.drop(),
      };
      for (const [name, call] of Object.entries(calls)) {
        await expect(call(), `${name}, after close`).rejects.toMatchObject({
          name: 'StorageError',
          outcome: 'not-applied',
        });
      }
    });

    // `close`: "Waits for running calls": each call completes or has no effect
    test('lets running calls end when it is closed', async (fixture) => {
      const script = fixture.script();
      await script.produce('a', 'b');
      const running = [
        script.lease(1),
        script.store.produce([{ items: [newItem('c')] }], EXPIRE_TIMEOUT),
        script.store.stats(),
      ];
      await fixture.backend.close();
      const results = await Promise.allSettled(running);
      for (const result of results) {
        if (result.status === 'rejected') {
          expect(result.reason).toMatchObject({ name: 'StorageError', outcome: 'not-applied' });
        }
      }
    });
  });

  describe('reopening', () => {
    // `durable`: "Items survive the end of the process"
    test.ifCapable('durable', 'has all items unchanged', async (fixture) => {
      const key = { queue: fixture.name(), partition: 0 };
      const before = fixture.script(fixture.backend.partitionStore(key));
      await before.import('sourced', { sourceId: 'source' });
      await before.produce('leased', 'waiting');
      await before.produceItems([newItem('scheduled', before.in('1m'))]);
      const leased = await before.lease(2);
      await before.retry({ id: leased[0]?.id ?? '' });
      const state = [await before.queued(), await before.scheduled(), await before.store.stats()];
      await fixture.backend.close();
      const after = fixture.script((await fixture.open()).partitionStore(key));
      expect([await after.queued(), await after.scheduled(), await after.store.stats()]).toEqual(state);
      expect(await after.import('again', { sourceId: 'source' })).toBeUndefined();
      await after.complete(leased[1]?.id ?? '');
      await fixture.clock.advance('2m');
      expect((await after.sweep()).enqueued).toBe(1);
      expect(textsOf(await after.lease())).toEqual(['waiting', 'sourced', 'scheduled']);
    });

    // ids keep growing after a restart, even if the clock was set back
    test.ifCapable('durable', 'adds new items at the tail', async (fixture) => {
      const key = { queue: fixture.name(), partition: 0 };
      const before = fixture.script(fixture.backend.partitionStore(key));
      await before.produce('old');
      await fixture.backend.close();
      fixture.clock.set(before.in('-10m'));
      const after = fixture.script((await fixture.open()).partitionStore(key));
      await after.produce('new');
      expect(await after.queuedTexts()).toEqual(['old', 'new']);
    });

    // moving items and claims are durable: a crash loses no dead letter
    test.ifCapable('durable', 'has moving items and their claims', async (fixture) => {
      const key = { queue: fixture.name(), partition: 0 };
      const before = fixture.script(fixture.backend.partitionStore(key));
      await before.addMoving('claimed');
      await before.sweep();
      await before.addMoving('unclaimed');
      await fixture.backend.close();
      const after = fixture.script((await fixture.open()).partitionStore(key));
      expect(textsOf((await after.sweep()).dead)).toEqual(['unclaimed']);
      await fixture.clock.advance('31s');
      expect(textsOf((await after.sweep()).dead).sort()).toEqual(['claimed', 'unclaimed']);
    });

    // marks, their claims and prepared letters are durable: a crash duplicates no dead letter
    test.ifCapable('durable', 'has items marked as moved, and prepared letters', async (fixture) => {
      const key = { queue: fixture.name(), partition: 0 };
      const before = fixture.script(fixture.backend.partitionStore(key));
      const claimed = await before.addMoved('claimed');
      await before.sweep();
      const unclaimed = await before.addMoved('unclaimed');
      await before.prepare('prepared', 'aborted');
      const state = [await before.queued(), await before.prepared(), await before.store.stats()];
      await fixture.backend.close();
      const after = fixture.script((await fixture.open()).partitionStore(key));
      expect([await after.queued(), await after.prepared(), await after.store.stats()]).toEqual(state);
      expect(await after.sweep()).toMatchObject({ dead: [], moved: [unclaimed] });
      await fixture.clock.advance('31s');
      const { dead, moved } = await after.sweep();
      expect([dead, [...moved].sort()]).toEqual([[], [claimed, unclaimed]]);
      await after.prepare('prepared');
      expect(await after.store.abortLetters(['aborted'])).toBe(1);
      expect(await after.store.commitLetters(['prepared'])).toBe(1);
      expect(textsOf(await after.lease())).toEqual(['prepared']);
    });

    // a dropped partition does not come back
    test.ifCapable('durable', 'has no items of a dropped partition', async (fixture) => {
      const key = { queue: fixture.name(), partition: 0 };
      const before = fixture.script(fixture.backend.partitionStore(key));
      await before.produce('old');
      await before.store.drop();
      await fixture.backend.close();
      const after = fixture.script((await fixture.open()).partitionStore(key));
      expect(await after.queued()).toEqual([]);
    });

    // queues are durable too
    test.ifCapable('durable', 'has all queues unchanged', async (fixture) => {
      const queue = {
        name: fixture.name(),
        namespace: fixture.name(),
        leaseTimeout: parseDuration('1.000000001s'),
        expireTimeout: parseDuration('1h'),
        deadQueue: 'dead',
        maxAttempts: 2,
        reference: 'reference',
        requestedPartitions: 1,
        partitions: [{ partition: 0, storageName: 'first' }],
      };
      const stored = await fixture.queues.create(queue);
      await fixture.backend.close();
      const after = (await fixture.open()).queueStore();
      expect(await after.get(queue.name)).toEqual(stored);
    });
  });

  describe('a second process', () => {
    // `shared`: "Several processes may use the storage at the same time"
    test.ifCapable('shared', 'sees changes by the first one at once', async (fixture) => {
      const key = { queue: fixture.name(), partition: 0 };
      const one = fixture.script(fixture.backend.partitionStore(key));
      const other = fixture.script((await fixture.open()).partitionStore(key));
      expect(await other.queued()).toEqual([]);
      await one.produce('a', 'b', 'c');
      const id = await other.leaseOne();
      expect(textsOf(await one.lease(1))).toEqual(['b']);
      await one.complete(id);
      expect(await other.queuedTexts()).toEqual(['b', 'c']);
      await one.store.drop();
      expect(await other.queued()).toEqual([]);
      await other.produce('new');
      expect(await one.queuedTexts()).toEqual(['new']);
    });

    // `QueueStore.get`: "The current state of the queue"
    test.ifCapable('shared', 'sees the present settings of queues', async (fixture) => {
      const other = (await fixture.open()).queueStore();
      const name = fixture.name();
      expect(await other.get(name)).toBeUndefined();
      await fixture.queues.create({
        name,
        namespace: fixture.name(),
        leaseTimeout: parseDuration('1m'),
        expireTimeout: parseDuration('1h'),
        deadQueue: '',
        maxAttempts: 0,
        reference: 'old',
        requestedPartitions: 1,
        partitions: [{ partition: 0, storageName: 'first' }],
      });
      expect((await other.get(name))?.reference).toBe('old');
      await fixture.queues.update(name, (queue) => ({ ...queue, reference: 'new' }));
      expect((await other.get(name))?.reference).toBe('new');
      await fixture.queues.delete(name);
      expect(await other.get(name)).toBeUndefined();
    });

    // closing one backend does not affect the other
    test.ifCapable('shared', 'works after the first one is closed', async (fixture) => {
      const key = { queue: fixture.name(), partition: 0 };
      await fixture.script(fixture.backend.partitionStore(key)).produce('a');
      const other = fixture.script((await fixture.open()).partitionStore(key));
      await fixture.backend.close();
      expect(textsOf(await other.lease())).toEqual(['a']);
    });
  });
}

import { milliseconds } from '@querator/core';
import { ManualClock, SeededRandom } from '@querator/core/testing';
import { memoryBackend } from '@querator/storage-memory';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import type { QueueCall } from '../src/index.ts';
import { payloadOf, watch } from './support/harness.ts';
import { Process } from './support/process.ts';

describe('several processes on one storage', () => {
  /** The clock of the storage, which judges deadlines. */
  let storageTime: ManualClock;
  let here: Process;
  let there: Process;

  beforeEach(() => {
    storageTime = new ManualClock();
    const shared = memoryBackend({ name: 'mem', clock: storageTime, random: new SeededRandom() });
    here = new Process(shared, 1);
    there = new Process(shared, 2);
  });

  /** A queue that was deleted and created anew there, and is still active here as it was before. */
  async function madeAnewThere(settings: Partial<QueueCall> = {}) {
    await here.create('q');
    await here.produce('q', 'old');
    await there.service.queues.delete('q', false);
    await storageTime.advance('1ms');
    await there.create('q', settings);
  }

  describe('before this process knows of a change by another one', () => {
    test('an update of a recreated queue applies to the new one', async () => {
      await madeAnewThere({ requestedPartitions: 2 });
      await here.update('q', { reference: 'updated' });
      expect(await here.partitionsOf('q')).toEqual([0, 1]);
      expect((await there.service.queues.info('q')).reference).toBe('updated');
    });

    test('a deleted queue can be created', async () => {
      await here.create('q');
      await here.produce('q', 'old');
      await there.service.queues.delete('q', false);
      await storageTime.advance('1ms');
      await here.create('q', { requestedPartitions: 3 });
      expect(await here.partitionsOf('q')).toEqual([0, 1, 2]);
    });

    test('a recreated queue cannot be created', async () => {
      await madeAnewThere();
      await expect(here.create('q')).rejects.toThrow("invalid queue; 'q' already exists");
    });

    test('a recreated queue can be deleted', async () => {
      await madeAnewThere({ requestedPartitions: 2 });
      await there.produce('q', 'new');
      await here.service.queues.delete('q', false);
      await expect(there.service.queues.info('q')).rejects.toMatchObject({ code: 'invalid' });
      await storageTime.advance('1ms');
      await here.create('q', { requestedPartitions: 2 });
      expect([await here.stored('q', 0), await here.stored('q', 1)]).toEqual([[], []]);
    });

    test('a read of a queue that was deleted meanwhile returns the state of the present one', async () => {
      await here.create('q', { requestedPartitions: 3 });
      expect(await here.partitionsOf('q')).toEqual([0, 1, 2]);
      await there.service.queues.delete('q', false);
      await storageTime.advance('1ms');
      await there.create('q');
      // As a driver that knows the owner of a partition.
      here.storage.fail('stats', 2, 'not-applied');
      here.storage.fail('list', 2, 'not-applied');
      expect(await here.partitionsOf('q')).toEqual([0]);
      await expect(here.stored('q', 2)).rejects.toThrow("'2' is not a valid partition");
    });

    test('a recreated queue is served while a statement on the old one is in flight', async () => {
      await here.create('q');
      await here.produce('q', 'old');
      const goOn = here.storage.hold('list', 0);
      const listing = watch(here.stored('q', 0));
      await here.wake();
      await there.service.queues.delete('q', false);
      await storageTime.advance('1ms');
      await there.create('q');
      const updating = watch(here.update('q', { reference: 'updated' }));
      await here.wake();
      expect([listing.state, updating.state]).toEqual(['pending', 'pending']);
      await here.produce('q', 'new');
      expect(await there.stored('q', 0)).toEqual(['new']);
      goOn();
      await here.wake();
      expect(updating.state).toBe('fulfilled');
    });

    test('a deleted queue cannot be deleted', async () => {
      await here.create('q');
      await here.produce('q', 'old');
      await there.service.queues.delete('q', false);
      await expect(here.service.queues.delete('q', false)).rejects.toMatchObject({ code: 'invalid' });
    });
  });

  test('a slow deletion does not delete the queue that was created meanwhile', async () => {
    await here.create('q');
    await here.produce('q', 'old');
    const goOn = here.storage.hold('drop', 0);
    const deleting = watch(here.service.queues.delete('q', false));
    await here.wake();
    // The items are gone, the queue is not yet, and this process sleeps.
    await there.service.queues.delete('q', false);
    await storageTime.advance('1ms');
    await there.create('q');
    goOn();
    await here.wake();
    expect(deleting.state).toBe('fulfilled');
    expect(await there.service.queues.info('q')).toMatchObject({ name: 'q' });
  });

  describe('a process that was suspended', () => {
    const SLEEP_MS = 90_000;

    async function updateThere(settings: Partial<QueueCall>) {
      await storageTime.advance('1ms');
      await there.update('q', settings);
    }

    async function sleepUntilLeaseEnded() {
      here.sleep(SLEEP_MS);
      await storageTime.advance(milliseconds(SLEEP_MS));
    }

    test('moves dead items by the present settings, and does not delete them by old ones', async () => {
      await here.create('dead');
      await here.create('q', { maxAttempts: 1 });
      await here.produce('q', 'precious');
      await here.lease('q');
      await updateThere({ maxAttempts: 1, deadQueue: 'dead' });
      await sleepUntilLeaseEnded();
      await here.wake();
      await here.clock.advance('2s');
      expect(await here.stored('q')).toEqual([]);
      expect(await there.stored('dead')).toEqual(['precious']);
    });

    test('moves items that it claimed before to the present dead-letter queue', async () => {
      await here.create('dead');
      await here.create('dead-now');
      await here.create('q', { maxAttempts: 1, deadQueue: 'dead' });
      await here.produce('q', 'letter');
      await here.lease('q');
      here.storage.fail('prepareLetters', 0, 'not-applied');
      await storageTime.advance('61s');
      await here.clock.advance('61s');
      expect(here.storage.count('prepareLetters')).toBeGreaterThan(0);
      await updateThere({ maxAttempts: 1, deadQueue: 'dead-now' });
      here.storage.heal(0);
      const goOn = here.storage.holdQueues('stamps');
      // It slept less than its claim lasts, and the next attempt is due before it knows the settings.
      here.sleep(5_000);
      await here.wake();
      goOn();
      await here.clock.advance('2s');
      expect([await there.stored('dead'), await there.stored('dead-now')]).toEqual([[], ['letter']]);
    });

    test('keeps an item that has attempts left by the present settings', async () => {
      await here.create('q', { maxAttempts: 1 });
      await here.produce('q', 'precious');
      await here.lease('q');
      await updateThere({ maxAttempts: 5 });
      await sleepUntilLeaseEnded();
      await here.wake();
      await here.clock.advance('2s');
      expect(await there.stored('q')).toEqual(['precious']);
    });

    test('does not sweep by old settings after the sweep waited for its turn', async () => {
      await here.create('q', { maxAttempts: 1 });
      await here.produce('q', 'precious');
      await here.lease('q');
      // As many sweeps as a storage runs at a time.
      const goOn = [1, 2, 3].map((partition) => here.storage.hold('sweep', partition));
      await here.create('busy', { requestedPartitions: 4 });
      await here.service.queue.stats('busy');
      await storageTime.advance('61s');
      await here.clock.advance('61s');
      await updateThere({ maxAttempts: 5 });
      here.sleep(SLEEP_MS);
      for (const release of goOn) release();
      await here.wake();
      await here.clock.advance('2s');
      expect(await here.waiting('q')).toEqual(['precious']);
    });

    test('sweeps nothing until it has read the settings', async () => {
      await here.create('q', { maxAttempts: 1 });
      await here.produce('q', 'precious');
      await here.lease('q');
      await updateThere({ maxAttempts: 5 });
      here.storage.cutQueues();
      const sweeps = here.storage.count('sweep');
      await sleepUntilLeaseEnded();
      await here.wake();
      await here.clock.advance('10s');
      expect(here.storage.count('sweep')).toBe(sweeps);
      here.storage.healQueues();
      await here.clock.advance('3s');
      expect(here.storage.count('sweep')).toBeGreaterThan(sweeps);
      expect(await here.waiting('q')).toEqual(['precious']);
    });

    test('answers the first request by the present settings', async () => {
      await here.create('q', { leaseTimeout: '1h' });
      await here.produce('q', 'a');
      await updateThere({ leaseTimeout: '1m' });
      here.sleep(SLEEP_MS);
      const { items } = await here.lease('q');
      const left = Number((items[0]?.leaseDeadline ?? 0n) - storageTime.now()) / 1_000;
      expect(left).toBe(60_000);
    });

    test('serves the queue that was recreated meanwhile, with all its partitions', async () => {
      await madeAnewThere({ requestedPartitions: 2 });
      here.sleep(SLEEP_MS);
      await here.produce('q', 'one');
      await here.produce('q', 'two');
      expect([await there.stored('q', 0), await there.stored('q', 1)]).toEqual([['one'], ['two']]);
    });

    test('answers by the old settings if the new ones cannot be read', async () => {
      await here.create('q');
      await here.produce('q', 'a');
      here.storage.cutQueues();
      here.sleep(SLEEP_MS);
      expect((await here.lease('q')).items.map(payloadOf)).toEqual(['a']);
    });

    test('answers no request with a lease that ended meanwhile', async () => {
      await here.create('q');
      await here.produce('q', 'a', 'b');
      const goOn = here.storage.hold('lease', 0);
      const leasing = watch(here.lease('q'));
      await here.wake();
      here.sleep(SLEEP_MS);
      await storageTime.advance(milliseconds(SLEEP_MS));
      await there.service.queue.stats('q');
      await there.wake();
      const { partition, items } = await there.lease('q', 1);
      const ids = items.map(({ id }) => id);
      await there.service.queue.complete({ queueName: 'q', partition, requestTimeout: '1m', ids });
      goOn();
      await here.clock.advance('1s');
      expect(leasing.value?.items.map(payloadOf)).toEqual(['b']);
    });

    test('activates no further queue if it is stopped before it has read the settings', async () => {
      await here.create('q');
      await here.create('other');
      await here.produce('q', 'a');
      here.sleep(SLEEP_MS);
      const goOn = here.storage.holdQueues('stamps');
      const leasing = watch(here.lease('other'));
      await here.wake();
      const ended = watch(here.service.shutdown());
      await here.wake();
      const calls = here.storage.calls.length;
      goOn();
      await here.wake();
      expect([ended.state, leasing.error?.message]).toEqual(['fulfilled', 'service is shutting down']);
      expect([here.storage.calls.length - calls, here.clock.pendingTimers]).toEqual([0, 0]);
    });

    test('does not poll again if it is stopped during a poll', async () => {
      await here.create('q');
      await here.produce('q', 'a');
      here.sleep(SLEEP_MS);
      here.storage.cutQueues();
      const looks = vi.spyOn(here.storage.queueStore(), 'stamps');
      const fail = here.storage.holdQueues('stamps', 'before');
      const leasing = watch(here.lease('q'));
      await here.wake();
      const ended = watch(here.service.shutdown());
      await here.wake();
      fail();
      await here.wake();
      expect([ended.state, leasing.error?.message]).toEqual(['fulfilled', 'queue is shutting down']);
      expect(looks).toHaveBeenCalledTimes(1);
    });

    test('leaves dead items that it claimed before to others, which have moved them', async () => {
      await here.create('dead');
      await here.create('q', { maxAttempts: 1, deadQueue: 'dead' });
      await here.produce('q', 'letter');
      await here.lease('q');
      const goOn = here.storage.hold('sweep', 0);
      await storageTime.advance('61s');
      const swept = here.clock.advance('61s');
      await swept;
      // The item is claimed, and the answer is on its way. The claim ends, and another process moves the
      // item.
      here.sleep(SLEEP_MS);
      await storageTime.advance(milliseconds(SLEEP_MS));
      await there.service.queue.stats('q');
      await there.wake();
      const { partition, items } = await there.lease('dead');
      expect(items.map(payloadOf)).toEqual(['letter']);
      const ids = items.map(({ id }) => id);
      await there.service.queue.complete({ queueName: 'dead', partition, requestTimeout: '1m', ids });
      goOn();
      await here.wake();
      await here.clock.advance('5s');
      expect(here.storage.count('prepareLetters')).toBe(0);
      expect(await there.stored('dead')).toEqual([]);
      expect(await there.stored('q')).toEqual([]);
    });
  });

  test('after a suspension of the machine, does not wait longer for deadlines that have passed', async () => {
    await here.create('q', { leaseTimeout: '2h' });
    await here.produce('q', 'a');
    await here.lease('q');
    await here.update('q', { leaseTimeout: '1s' });
    await here.produce('q', 'b');
    // Its clock has caught up, but its timers stood still. The first of them fires in two hours.
    await storageTime.advance('3h');
    here.clock.suspend('3h');
    expect((await here.lease('q')).items.map(payloadOf)).toEqual(['b']);
    await here.wake();
    await storageTime.advance('1002ms');
    await here.clock.advance('1010ms');
    expect(await here.waiting('q')).toEqual(['a', 'b']);
  });
});

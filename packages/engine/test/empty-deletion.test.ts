import { ManualClock, SeededRandom } from '@querator/core/testing';
import { memoryBackend } from '@querator/storage-memory';
import { beforeEach, describe, expect, test } from 'vitest';
import { item, watch } from './support/harness.ts';
import { Process } from './support/process.ts';

describe('the deletion of an empty queue beside another process', () => {
  let storageTime: ManualClock;
  let here: Process;
  let there: Process;

  beforeEach(async () => {
    storageTime = new ManualClock();
    const shared = memoryBackend({ name: 'mem', clock: storageTime, random: new SeededRandom() });
    here = new Process(shared, 1);
    there = new Process(shared, 2);
    await here.create('q', { requestedPartitions: 8 });
    await there.produce('q', 'early');
    await there.consume('q');
  });

  const deleteHere = () => watch(here.service.queues.delete('q', false, { onlyEmpty: true }));

  /** Begins a deletion, which drops the partitions 0 to 2 first, and stops it before those in `held`. */
  async function deleting(held: readonly number[]) {
    const releases = held.map((partition) => here.storage.hold('dropEmpty', partition, 'before'));
    const deleted = deleteHere();
    await here.wake();
    return {
      deleted,
      goOn: async () => {
        for (const release of releases) release();
        await here.wake();
      },
    };
  }

  const importThere = (partition: number) => {
    const late = { ...item('late'), isLeased: false, attempts: 0, maxAttempts: 0 };
    return there.service.storage.importItems({ queueName: 'q', partition, items: [late] });
  };

  test('spares an item that is stored between the count and the drop of its partition', async () => {
    const { deleted, goOn } = await deleting([0, 1, 2]);
    await importThere(1);
    await goOn();
    expect(deleted.error).toMatchObject({
      code: 'invalid',
      reason: 'not_empty',
      message: "queue is not empty; 'q' holds 1 item, use force to delete them too",
    });
    expect(await there.stored('q', 1)).toEqual(['late']);
    await here.produce('q', 'served');
    // Nothing of the deletion is left.
    await there.create('other', { deadQueue: 'q' });
  });

  test('stores nothing in a partition that was dropped already', async () => {
    const { deleted, goOn } = await deleting([7]);
    expect(deleted.state).toBe('pending');
    await expect(importThere(0)).rejects.toMatchObject({
      code: 'retry',
      cause: { message: "queue 'q' is being deleted" },
    });
    await goOn();
    expect(deleted.state).toBe('fulfilled');
    await expect(there.service.queues.info('q')).rejects.toMatchObject({ reason: 'no_such_queue' });
  });

  test('leaves a queue as it was whose last partition holds an item, with its dedup keys', async () => {
    const keyed = (dedupKey: string) =>
      there.service.keyedProduces.produce({
        queueName: 'q',
        requestTimeout: '1m',
        dedupWindow: '1h',
        items: [item('once')],
        dedupKey,
        itemKeys: [''],
      });
    await keyed('a');
    await there.consume('q');
    const { deleted, goOn } = await deleting([7]);
    await importThere(7);
    await goOn();
    expect(deleted.error).toMatchObject({ reason: 'not_empty' });
    await importThere(0);
    expect(await there.stored('q', 0)).toEqual(['late']);
    expect(await keyed('a')).toMatchObject([{ duplicate: true }]);
  });

  test('fails if the queue did not stay closed', async () => {
    const { deleted, goOn } = await deleting([7]);
    // The process here was suspended for so long that its closure counts no more.
    await storageTime.advance('4m1s');
    await goOn();
    expect(deleted.error).toMatchObject({ code: 'retry' });
    await importThere(0);
    expect(await there.stored('q', 0)).toEqual(['late']);
  });

  test('fails if another deletion has closed the queue since', async () => {
    const first = await deleting([7]);
    const release = there.storage.hold('dropEmpty', 6, 'before');
    const second = watch(there.service.queues.delete('q', false, { onlyEmpty: true }));
    await there.wake();
    await first.goOn();
    expect(first.deleted.error).toMatchObject({ code: 'retry' });
    release();
    await there.wake();
    expect(second.state).toBe('fulfilled');
  });

  test('lets partitions be created again after five minutes if its process dies', async () => {
    await deleting([7]);
    here.storage.cut(7);
    await expect(importThere(0)).rejects.toMatchObject({
      code: 'retry',
      cause: { message: "queue 'q' is being deleted" },
    });
    await storageTime.advance('5m');
    await importThere(0);
    expect(await there.stored('q', 0)).toEqual(['late']);
  });

  test('ends in an error if the settings cannot be removed, and the queue serves again', async () => {
    here.storage.failQueues('delete', 'not-applied');
    const deleted = deleteHere();
    await here.wake();
    expect(deleted.error).toMatchObject({ code: 'retry' });
    here.storage.healQueues();
    const queue = await there.service.queues.info('q');
    expect(queue).not.toHaveProperty('closure');
    await here.produce('q', 'served');
  });

  test.each(['dropEmpty', 'close'] as const)('fails if %s fails', async (call) => {
    if (call === 'close') here.storage.failQueues('close', 'not-applied');
    else here.storage.fail('dropEmpty', 3, 'not-applied');
    const deleted = deleteHere();
    await here.wake();
    expect(deleted.error).toMatchObject({ code: 'retry', message: 'internal error, try your request again' });
    here.storage.healQueues();
    expect(await there.service.queues.info('q')).toMatchObject({ name: 'q' });
  });
});

import type { PartitionStore } from '@querator/core';
import { describe, expect, test } from 'vitest';
import { Harness, watch } from './support/harness.ts';

const PARTITIONS = 64;

/** A harness with a queue of many partitions, whose calls of a kind run until the test ends them. */
async function withMany(...held: (keyof PartitionStore)[]) {
  const h = new Harness();
  await h.create('many', { requestedPartitions: PARTITIONS });
  await h.create('other');
  const ends = held.flatMap((operation) =>
    Array.from({ length: PARTITIONS }, (_, partition) => h.storage.hold(operation, partition, 'before')),
  );
  const release = () => {
    for (const end of ends) end();
  };
  return { h, release };
}

describe('a queue of many partitions', () => {
  test('is activated a few partitions at a time, and serves meanwhile', async () => {
    const { h, release } = await withMany('probe', 'stats', 'sweep');
    const produced = watch(h.produce('many', ['a']));
    await h.clock.advance('250ms');
    expect(produced.state).toBe('fulfilled');
    expect(h.storage.count('probe')).toBeLessThanOrEqual(2);
    expect(h.storage.count('stats')).toBeLessThanOrEqual(2);
    expect(h.storage.count('sweep')).toBeLessThanOrEqual(3);
    release();
    await h.clock.advance('1s');
    for (const operation of ['probe', 'stats', 'sweep'] as const) {
      const partitions = h.storage.calls.filter((call) => call.operation === operation);
      expect(new Set(partitions.map(({ partition }) => partition)).size).toBe(PARTITIONS);
    }
  });

  test('lets counts of another queue run in between', async () => {
    const { h, release } = await withMany();
    await h.service.queue.stats('many');
    await h.service.queue.stats('other');
    const before = h.storage.count('stats');
    const ends = Array.from({ length: PARTITIONS }, (_, n) => h.storage.hold('stats', n, 'before'));
    const many = watch(h.service.queue.stats('many'));
    const other = watch(h.service.queue.stats('other'));
    await h.settle();
    expect(h.storage.count('stats') - before).toBe(2);
    // Two calls end, and both queues get a turn.
    ends[0]?.();
    ends[1]?.();
    await h.settle();
    expect(other.state).toBe('fulfilled');
    expect(many.state).toBe('pending');
    for (const end of ends) end();
    release();
    await h.settle();
    expect(many.state).toBe('fulfilled');
  });

  test('does not start waiting counts when it is stopped', async () => {
    const { h, release } = await withMany('probe', 'stats', 'sweep');
    const produced = watch(h.produce('many', ['a']));
    await h.clock.advance('250ms');
    const done = watch(h.service.shutdown());
    release();
    await h.settle();
    expect([produced.state, done.state]).toEqual(['fulfilled', 'fulfilled']);
    expect(h.storage.count('probe')).toBeLessThanOrEqual(2);
    expect(h.storage.count('stats')).toBeLessThanOrEqual(2);
    expect(h.clock.pendingTimers).toBe(0);
  });
});

describe('deleting a queue of many partitions', () => {
  const dropped = (h: Harness) =>
    h.storage.calls.filter(({ operation }) => operation === 'drop').map(({ partition }) => partition);

  test('drops a few at a time, and activates none', async () => {
    const { h, release } = await withMany('drop');
    const deleted = watch(h.service.queues.delete('many', false));
    await h.settle();
    expect(h.storage.count('drop')).toBe(3);
    release();
    await h.settle();
    expect(deleted.state).toBe('fulfilled');
    expect(new Set(dropped(h)).size).toBe(PARTITIONS);
    expect(new Set(h.storage.calls.map(({ operation }) => operation))).toEqual(new Set(['drop']));
  });

  test('continues if one partition fails, and when repeated drops only the remaining ones', async () => {
    const { h } = await withMany();
    await h.produce('many', ['a']);
    h.storage.fail('drop', 3, 'not-applied');
    await expect(h.service.queues.delete('many', false)).rejects.toMatchObject({ code: 'retry' });
    expect(new Set(dropped(h)).size).toBe(PARTITIONS);
    expect(await h.service.queues.info('many')).toMatchObject({ name: 'many' });
    h.storage.heal(3);
    await h.service.queues.delete('many', false);
    await expect(h.service.queues.info('many')).rejects.toMatchObject({ code: 'invalid' });
  });

  test('gives up after a few failures if all partitions fail', async () => {
    const { h } = await withMany();
    for (let partition = 0; partition < PARTITIONS; partition++)
      h.storage.fail('drop', partition, 'not-applied');
    await expect(h.service.queues.delete('many', false)).rejects.toMatchObject({ code: 'retry' });
    expect(dropped(h).length).toBeLessThan(10);
  });

  test('prevents any other activation of the queue', async () => {
    const { h, release } = await withMany('drop');
    const deleted = watch(h.service.queues.delete('many', false));
    await h.settle();
    await expect(h.produce('many', ['a'])).rejects.toMatchObject({ code: 'failed' });
    release();
    await h.settle();
    expect(deleted.state).toBe('fulfilled');
    await expect(h.produce('many', ['a'])).rejects.toMatchObject({ code: 'invalid' });
  });

  test('lets the deletion of another queue run in between', async () => {
    const { h, release } = await withMany('drop');
    const many = watch(h.service.queues.delete('many', false));
    await h.settle();
    const other = watch(h.service.queues.delete('other', false));
    await h.settle();
    expect(h.storage.count('drop')).toBe(3);
    release();
    await h.settle();
    expect([many.state, other.state]).toEqual(['fulfilled', 'fulfilled']);
    // After the calls in flight, and before most of the other queue's.
    const order = h.storage.calls.filter(({ operation }) => operation === 'drop');
    expect(order.slice(0, 5).filter(({ partition }) => partition === 0)).toHaveLength(2);
  });
});

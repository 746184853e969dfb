import { describe, expect, test } from 'vitest';
import { Harness, payloadOf, watch } from './support/harness.ts';

const texts = (name: string, count: number) => Array.from({ length: count }, (_, n) => `${name}-${n}`);

/** Whether a statement is sent beside statements of that many items, in flight for that long. */
async function joins(underWay: readonly number[], afterMs: number): Promise<boolean> {
  const h = new Harness({ statementsInFlight: 3, slowMs: 25, slowItemMs: 0.02 });
  await h.create('q');
  await h.service.queue.stats('q');
  const release = h.storage.hold('produce', 0);
  const all: Promise<void>[] = [];
  for (const items of underWay) {
    all.push(h.produce('q', texts('under way', items)));
    await h.settle();
  }
  expect(h.storage.count('produce')).toBe(underWay.length);
  await h.clock.advance(`${afterMs}ms`);
  all.push(h.produce('q', texts('next', 1_000)));
  await h.settle();
  const statements = h.storage.count('produce');
  release();
  await Promise.all(all);
  return statements > underWay.length;
}

describe('a statement of many items', () => {
  test('may take longer than one of few items before it is slow', async () => {
    expect(await joins([1_000], 30)).toBe(true);
    expect(await joins([10], 30)).toBe(false);
  });

  test('is slow in the end, in whatever order the statements were sent', async () => {
    expect(await joins([600, 300], 30)).toBe(true);
    // The first one has until 37 ms.
    expect(await joins([600, 300], 31)).toBe(false);
  });

  test('may take longer before another partition serves its consumers', async () => {
    const h = new Harness({ slowMs: 25, slowItemMs: 0.02 });
    await h.create('q', { requestedPartitions: 2 });
    await h.service.queue.stats('q');
    await h.produce('q', texts('a', 1_000));
    const release = h.storage.hold('lease', 0);
    const answer = watch(h.lease('q', 1_000));
    await h.settle();
    await h.produce('q', ['b']);
    await h.clock.advance('44ms');
    expect(answer.state).toBe('pending');
    await h.clock.advance('1ms');
    expect(answer.value?.partition).toBe(1);
    release();
    await h.settle();
  });

  test('counts as one of few items if the partition is known to have few, whatever the limit of the lease', async () => {
    const h = new Harness({ slowMs: 25, slowItemMs: 0.02 });
    await h.create('q', { requestedPartitions: 2 });
    await h.service.queue.stats('q');
    await h.produce('q', texts('a', 10));
    const release = h.storage.hold('lease', 0);
    const answer = watch(h.lease('q', 1_000));
    await h.settle();
    await h.produce('q', ['b']);
    await h.clock.advance('25ms');
    expect(answer.value?.partition).toBe(1);
    release();
    await h.settle();
  });

  test('is not sent next to two that keep the database busy', async () => {
    expect(await joins([499, 500], 0)).toBe(true);
    expect(await joins([500, 500], 0)).toBe(false);
  });

  test('is judged by the items that it writes, not by the limits of the consumers', async () => {
    const h = new Harness({ statementsInFlight: 3 });
    await h.create('q');
    const leased = [h.lease('q', 1_000), h.lease('q', 1_000), h.lease('q', 1_000)];
    await h.settle();
    const release = h.storage.hold('produceAndLease', 0);
    const produced: Promise<void>[] = [];
    for (const text of ['a', 'b', 'c']) {
      produced.push(h.produce('q', [text]));
      await h.settle();
    }
    expect(h.storage.count('produceAndLease')).toBe(3);
    release();
    await Promise.all(produced);
    const items = (await Promise.all(leased)).flatMap((each) => each.items);
    expect(items.map(payloadOf)).toEqual(['a', 'b', 'c']);
  });
});

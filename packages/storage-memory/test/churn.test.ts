import { type ItemId, milliseconds, type PartitionStore, parseDuration } from '@querator/core';
import { ManualClock, SeededRandom } from '@querator/core/testing';
import { expect, test } from 'vitest';
import { memoryBackend } from '../src/index.ts';

const ROUNDS = 60;
const CONTENT = { encoding: '', kind: '', reference: '', payload: new Uint8Array(1) };
const RULES = { maxAttempts: 0, dead: 'delete' } as const;

/** The waiting and leased items according to the calls. Everything else is read from the store. */
class Expected {
  readonly waiting = new Set<ItemId>();
  readonly leased = new Set<ItemId>();

  oldest(count: number): ItemId[] {
    return [...this.waiting].sort().slice(0, count);
  }

  /** Adds the ids of new items at the tail. */
  async learn(store: PartitionStore): Promise<void> {
    for (const { id, isLeased } of await store.list({ state: 'queued', pivot: '', limit: 1e6 })) {
      if (!isLeased) this.waiting.add(id);
    }
  }
}

// The contract suite and its model stay below the sizes at which tables are compacted.
test('items stay in order while thousands of them come and go in every way', async () => {
  const clock = new ManualClock();
  const random = new SeededRandom(11);
  const backend = memoryBackend({ name: 'memory', clock, random });
  const store = backend.partitionStore({ queue: 'churn', partition: 0 });
  const expected = new Expected();
  const some = (ids: Iterable<ItemId>, share: number) => [...ids].filter(() => random.fraction() < share);

  for (let round = 0; round < ROUNDS; round++) {
    const items = Array.from({ length: Math.floor(random.fraction() * 2_000) }, () => CONTENT);
    await store.produce([{ items }], parseDuration('100h'));
    await expected.learn(store);

    const oldest = expected.oldest(Math.floor(random.fraction() * 3_000) + 1);
    const leased = await store.lease({ limit: oldest.length || 1, leaseTimeout: parseDuration('1h') });
    expect(leased.map((item) => item.id)).toEqual(oldest);
    for (const id of oldest) {
      expected.waiting.delete(id);
      expected.leased.add(id);
    }

    const completed = some(expected.leased, 0.5);
    await store.complete([{ ids: completed }]);
    for (const id of completed) expected.leased.delete(id);

    const released = some(expected.leased, 0.3);
    await store.release(released);
    for (const id of released) {
      expected.leased.delete(id);
      expected.waiting.add(id);
    }

    const retried = some(expected.leased, 0.3);
    const retryAt = (n: number) =>
      n % 2 === 0 ? undefined : ((clock.now() + BigInt(n) * 1_000_000n) as never);
    await store.retry([{ items: retried.map((id, n) => ({ id, dead: false, retryAt: retryAt(n) })) }], RULES);
    for (const id of retried) expected.leased.delete(id);

    const deleted = some(expected.waiting, 0.2);
    await store.delete(deleted);
    for (const id of deleted) expected.waiting.delete(id);

    await clock.advance(milliseconds(Math.floor(random.fraction() * 60_000)));
    await store.sweep({ ...RULES, limit: 10_000, claimTimeout: parseDuration('1m') });
    await expected.learn(store);
    expect(await store.stats()).toMatchObject({
      waiting: expected.waiting.size,
      leased: expected.leased.size,
    });
  }
  await backend.close();
});

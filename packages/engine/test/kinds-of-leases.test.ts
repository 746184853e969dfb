import { milliseconds, silentLogger } from '@querator/core';
import { ManualClock, SeededRandom } from '@querator/core/testing';
import type { PartitionOrder } from '@querator/router';
import { describe, expect, test } from 'vitest';
import { LeaseLoop } from '../src/loops/lease-loop.ts';
import type { LeaseWishes } from '../src/loops/lease-requests.ts';
import type { PartitionState } from '../src/partition/partition-state.ts';
import type { QueueHooks } from '../src/partition/queue-hooks.ts';
import { engineDeps } from '../src/service/engine-options.ts';

/** Counts the searches of all partitions in one cycle, while 5,000 requests wait at an empty queue. */
async function searches(wishesOf: (n: number) => Partial<LeaseWishes>): Promise<number> {
  let count = 0;
  const order = {
    fullest() {
      count++;
      return undefined;
    },
  } as unknown as PartitionOrder<PartitionState>;
  const clock = new ManualClock();
  const deps = engineDeps({ clock, random: new SeededRandom(), logger: silentLogger });
  const hooks = { leasesStopped: () => false } as QueueHooks;
  const loop = new LeaseLoop(deps, [], order, hooks);
  for (let n = 0; n < 5_000; n++) {
    const wishes = { clientId: `c${n}`, limit: 1_000, details: false, ...wishesOf(n) };
    void loop.lease(wishes, { timeoutMs: 60_000, signal: undefined }).catch(() => {});
  }
  await clock.advance('0');
  return count;
}

describe('thousands of consumers that wait cost a cycle', () => {
  test.each([
    ['that take anything', () => ({}), 3],
    ['that ask for details', () => ({ details: true }), 3],
    ['with one lease timeout', () => ({ leaseTimeout: milliseconds(1_000) }), 3],
    ['that gather as many items', () => ({ gather: { minItems: 5, maxWaitMs: 1_000 } }), 1],
    ['each with a lease timeout of its own', (n: number) => ({ leaseTimeout: milliseconds(1_000 + n) }), 96],
  ])('few searches: those %s', async (_, wishesOf, most) => {
    expect(await searches(wishesOf)).toBeLessThanOrEqual(most);
  });
});

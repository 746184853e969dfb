import { setTimeout as delay } from 'node:timers/promises';
import { instantFromMicroseconds, milliseconds, type NewItem, type PartitionStore } from '@querator/core';
import type { SoakOptions } from './options.ts';

const TICK_MS = 50;
const LEASE = milliseconds(1_500);
const LONG_LIFE = milliseconds(24 * 3_600_000);
/** Items with this lifetime expire in the backlog. */
const SHORT_LIFE = milliseconds(1_000);
const RULES = { maxAttempts: 0, dead: 'delete' } as const;

/** Counts of the work so far. */
export interface Traffic {
  produced: number;
  completed: number;
  retried: number;
  scheduled: number;
  /** Items left until the end of their lease. */
  abandoned: number;
  requeued: number;
  expired: number;
  /** Milliseconds of each lease since the list was last emptied. */
  leaseMs: number[];
}

/** The counts at the start. */
export function noTraffic(): Traffic {
  return {
    produced: 0,
    completed: 0,
    retried: 0,
    scheduled: 0,
    abandoned: 0,
    requeued: 0,
    expired: 0,
    leaseMs: [],
  };
}

/**
 * Produces, leases and completes at a steady rate until `signal` aborts. Of a
 * hundred leased items two are retried at once, two a second later, and two stay
 * until their lease ends. Of a hundred produced items one expires.
 *
 * It calls a store, without a server, so that the rate and the backlog stay exact.
 */
export async function runTraffic(
  store: PartitionStore,
  options: SoakOptions,
  traffic: Traffic,
  signal: AbortSignal,
): Promise<void> {
  const perTick = Math.round((options.rate * TICK_MS) / 1_000);
  const items = makeItems(perTick, options);
  for (let left = options.backlog; left > 0; left -= 1_000) {
    await store.produce([{ items: makeItems(Math.min(left, 1_000), options) }], LONG_LIFE);
  }
  const started = performance.now();
  for (let tick = 1; !signal.aborted; tick++) {
    const brief = Math.max(1, Math.round(perTick / 100));
    await store.produce([{ items: items.slice(brief) }], LONG_LIFE);
    await store.produce([{ items: items.slice(0, brief) }], SHORT_LIFE);
    traffic.produced += perTick;
    await consume(store, wanted(perTick, options, traffic), traffic);
    const swept = await store.sweep({ ...RULES, limit: 1_000, claimTimeout: milliseconds(1_000) });
    traffic.requeued += swept.requeued;
    traffic.expired += swept.deleted;
    const wait = started + tick * TICK_MS - performance.now();
    if (wait > 0) await delay(wait);
  }
}

/** The batch of the next lease: as many items as come in, corrected by the deviation of the backlog. */
function wanted(
  perTick: number,
  { backlog }: SoakOptions,
  { produced, completed, expired }: Traffic,
): number {
  const surplus = produced - completed - expired;
  const correction = Math.max(-0.5, Math.min(1, surplus / Math.max(backlog, perTick * 10)));
  return Math.max(1, Math.round(perTick * (1.06 + correction)));
}

async function consume(store: PartitionStore, limit: number, traffic: Traffic): Promise<void> {
  const began = performance.now();
  const leased = await store.lease({ limit, leaseTimeout: LEASE });
  traffic.leaseMs.push(performance.now() - began);
  const part = Math.max(1, Math.round(leased.length / 50));
  const ids = leased.map(({ id }) => id);
  const [again, later, rest] = [ids.slice(0, part), ids.slice(part, 2 * part), ids.slice(3 * part)];
  const soon = instantFromMicroseconds(BigInt(Date.now() + 1_000) * 1_000n);
  const retried = [
    ...again.map((id) => ({ id, dead: false })),
    ...later.map((id) => ({ id, dead: false, retryAt: soon })),
  ];
  if (retried.length > 0) await store.retry([{ items: retried }], RULES);
  if (rest.length > 0) await store.complete([{ ids: rest }]);
  traffic.retried += again.length;
  traffic.scheduled += later.length;
  traffic.abandoned += Math.min(part, Math.max(0, ids.length - 2 * part));
  traffic.completed += rest.length;
}

function makeItems(count: number, { largeEvery }: SoakOptions): readonly NewItem[] {
  const small = new Uint8Array(100).fill(120);
  // Random, since PostgreSQL compresses anything else below the size that needs TOAST.
  const large = crypto.getRandomValues(new Uint8Array(4_096));
  return Array.from({ length: count }, (_, n) => ({
    ...{ reference: `soak-${n}`, encoding: 'binary', kind: 'soak' },
    payload: n % largeEvery === largeEvery - 1 ? large : small,
  }));
}

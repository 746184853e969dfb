import { type PartitionStore, parseDuration, type StorageBackend, type StorageDriver } from '@querator/core';
import { valuesOf } from '../fixture/partition-script.ts';
import { openByDriver } from '../processes/actions.ts';

/** One row of the benchmark. */
export interface BenchRow {
  readonly call: 'produce' | 'lease' | 'complete';
  /** Items per call. */
  readonly batch: number;
  /** Calls at the same time. */
  readonly concurrency: number;
  readonly itemsPerSecond: number;
  /** The time of a call in milliseconds: half of all calls were faster, and 99 of 100. */
  readonly medianMs: number;
  readonly p99Ms: number;
}

/** What is measured. */
export interface BenchOptions {
  /** Items per call; 1, 100 and 1,000 by default. */
  readonly batches?: readonly number[] | undefined;
  /** Calls at the same time; 1 and 16 by default. */
  readonly concurrency?: readonly number[] | undefined;
  /** How long each call is measured, in milliseconds; 2,000 by default. */
  readonly measureMs?: number | undefined;
  /** A monotonic clock in milliseconds. */
  readonly nowMs?: (() => number) | undefined;
}

const LONG = parseDuration('1h');
/** The payload of each item, in bytes. */
const PAYLOAD = new Uint8Array(100);
const CONTENT = { encoding: '', kind: 'bench', reference: '', payload: PAYLOAD };

/**
 * Measures the three hot calls of a driver. They follow on one another: what was produced
 * is leased, and what was leased is completed. Each row has a new partition.
 *
 * @param driver creates the storage with these options, which it checks.
 */
export async function* benchDriver(
  driver: StorageDriver,
  options: unknown,
  {
    batches = [1, 100, 1_000],
    concurrency = [1, 16],
    measureMs = 2_000,
    nowMs = defaultNowMs,
  }: BenchOptions = {},
): AsyncGenerator<BenchRow, void, undefined> {
  const backend = openByDriver(driver, options);
  try {
    for (const calls of concurrency) {
      for (const batch of batches) yield* measure(backend, { batch, concurrency: calls, measureMs, nowMs });
    }
  } finally {
    await backend.close();
  }
}

interface Round {
  readonly batch: number;
  readonly concurrency: number;
  readonly measureMs: number;
  readonly nowMs: () => number;
}

async function* measure(backend: StorageBackend, round: Round): AsyncGenerator<BenchRow, void, undefined> {
  const queue = `bench-${crypto.randomUUID()}`;
  const store = backend.partitionStore({ queue, partition: 0 });
  // Creates the partition.
  await store.stats();
  const leased: (readonly string[])[] = [];
  const items = Array.from({ length: round.batch }, () => CONTENT);
  const steps: Readonly<Record<BenchRow['call'], () => Promise<number>>> = {
    produce: async () => {
      valuesOf(await store.produce([{ items }], LONG));
      return items.length;
    },
    lease: async () => {
      const got = await store.lease({ limit: round.batch, leaseTimeout: LONG });
      if (got.length > 0) leased.push(got.map(({ id }) => id));
      return got.length;
    },
    complete: async () => {
      const ids = leased.pop();
      if (ids === undefined) return 0;
      valuesOf(await store.complete([{ ids }]));
      return ids.length;
    },
  };
  for (const call of ['produce', 'lease', 'complete'] as const) {
    yield { call, ...(await repeat(steps[call], round)) };
  }
  await empty(store);
}

/** Repeats a call until the time is over or it finds no more items. */
async function repeat(
  call: () => Promise<number>,
  { batch, concurrency, measureMs, nowMs }: Round,
): Promise<Omit<BenchRow, 'call'>> {
  const durations: number[] = [];
  let items = 0;
  const startMs = nowMs();
  const caller = async () => {
    for (let count = -1; count !== 0 && nowMs() - startMs < measureMs; ) {
      const callMs = nowMs();
      count = await call();
      if (count > 0) durations.push(nowMs() - callMs);
      items += count;
    }
  };
  await Promise.all(Array.from({ length: concurrency }, caller));
  const seconds = Math.max(nowMs() - startMs, 0.001) / 1_000;
  durations.sort((a, b) => a - b);
  return {
    ...{ batch, concurrency, itemsPerSecond: Math.round(items / seconds) },
    ...{ medianMs: quantile(durations, 0.5), p99Ms: quantile(durations, 0.99) },
  };
}

async function empty(store: PartitionStore): Promise<void> {
  await store.drop();
}

function quantile(sorted: readonly number[], part: number): number {
  return sorted[Math.min(Math.floor(sorted.length * part), sorted.length - 1)] ?? 0;
}

function defaultNowMs(): number {
  return performance.now();
}

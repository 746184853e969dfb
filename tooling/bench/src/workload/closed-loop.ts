import process from 'node:process';
import { percentileOfSorted } from './percentile.ts';
import type { Outcome } from './work.ts';

/** One request. @returns the number of items it moved; 0 ends the client. */
export type Step = () => Promise<number>;

/**
 * Runs clients side by side, each with one request in flight, and counts the items
 * they move. Requests in flight at the end are completed and counted, with their
 * time. Time without items to move does not count.
 */
export async function closedLoop(steps: readonly Step[], seconds: number): Promise<Outcome> {
  let items = 0;
  const latencies: number[] = [];
  const cpu = process.cpuUsage();
  const started = performance.now();
  let lastMoved = started;
  const end = started + seconds * 1_000;
  const run = async (step: Step) => {
    for (let sent = started; sent < end; ) {
      const moved = await step();
      if (moved === 0) return;
      const answered = performance.now();
      items += moved;
      latencies.push(answered - sent);
      lastMoved = answered;
      sent = answered;
    }
  };
  await Promise.all(steps.map(run));
  return outcomeOf({ items, latencies, seconds: (lastMoved - started) / 1_000, cpu });
}

/** The outcome of a measurement. @param cpu the process's usage at its start. */
export function outcomeOf(done: {
  readonly items: number;
  readonly latencies: readonly number[];
  readonly seconds: number;
  readonly cpu: NodeJS.CpuUsage;
}): Outcome {
  const { user, system } = process.cpuUsage(done.cpu);
  const sorted = done.latencies.toSorted((a, b) => a - b);
  return {
    items: done.items,
    requests: sorted.length,
    seconds: done.seconds,
    cpuSeconds: (user + system) / 1e6,
    p50Ms: percentileOfSorted(sorted, 0.5),
    p99Ms: percentileOfSorted(sorted, 0.99),
    p999Ms: percentileOfSorted(sorted, 0.999),
  };
}

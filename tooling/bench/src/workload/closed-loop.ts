import process from 'node:process';
import { percentileOfSorted } from './percentile.ts';
import type { Outcome } from './work.ts';

/** Does the same thing over and over. @returns how many items it moved; 0 ends the client's part. */
export type Step = () => Promise<number>;

/**
 * Runs clients side by side for so many seconds, each with one request under
 * way at a time, and counts what they move, up to the moment the last item
 * moved: what is under way at the end is finished and counted, and so is the
 * time it took, but not the time in which nothing was left to move.
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

/** Sums a measurement up. @param cpu the process's usage at its start. */
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

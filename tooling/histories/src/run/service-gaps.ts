import type { Disturbance, History } from '../history/history.ts';

/** The time without success of a server around a disturbance. */
export interface ServiceGap {
  readonly disturbance: Disturbance;
  readonly instance: number;
  /** The longest time from the end of a successful call to the end of the next, in milliseconds. */
  readonly produceMs: number;
  readonly completeMs: number;
}

/** The longest times without service around each disturbance, for each server. */
export function serviceGaps({ disturbances, operations }: History): readonly ServiceGap[] {
  const servers = operations.filter((each) => each.call !== 'produce' || each.outbox === undefined);
  const instances = [...new Set(servers.map(({ instance }) => instance))].sort((a, b) => a - b);
  const successes = (instance: number, call: 'produce' | 'complete') =>
    operations
      .filter((each) => each.instance === instance && each.call === call && each.outcome === 'ok')
      .map(({ returned }) => returned)
      .sort((a, b) => a - b);
  return instances.flatMap((instance) => {
    const produced = successes(instance, 'produce');
    const completed = successes(instance, 'complete');
    return disturbances.map((disturbance) => ({
      ...{ disturbance, instance },
      produceMs: longestGap(produced, disturbance),
      completeMs: longestGap(completed, disturbance),
    }));
  });
}

/** The longest time between neighbours that overlaps the disturbance. */
function longestGap(times: readonly number[], { from, to }: Disturbance): number {
  let longest = 0;
  for (const [index, time] of times.entries()) {
    const next = times[index + 1];
    if (next === undefined || next < from || time > to) continue;
    longest = Math.max(longest, next - time);
  }
  return longest;
}

import type { QueueDescription } from '../../api/queues.ts';
import { inSeconds, type Sample } from './depth-lines.ts';

const MAX_SAMPLES = 720;

/** What queues held since the page was opened, by their names. */
const seen = new Map<string, readonly Sample[]>();

/** An older count says nothing of the time since this page was opened. In seconds. */
const OLDEST_S = 60;

function countedAt(at: number, age: number | null): number | null {
  return age === null || age > OLDEST_S ? null : Math.round(at - age);
}

/** Adds what a queue holds now. @param at in milliseconds since 1970. @returns all samples of the queue. */
export function addSample(queue: string, described: QueueDescription, at: number): readonly Sample[] {
  const samples = seen.get(queue) ?? [];
  const last = samples.at(-1);
  const second = Math.floor(at / 1000);
  if (last !== undefined && last.at >= second) return samples;
  const { waiting = 0, leased = 0, scheduled = 0, head_age, count_age } = described;
  const { count = 0, p50, p95 } = described.handling ?? {};
  const sample = {
    at: second,
    countedAt: countedAt(second, inSeconds(count_age)),
    waiting,
    leased,
    scheduled,
    headAge: inSeconds(head_age),
    p50: count === 0 ? null : inSeconds(p50),
    p95: count === 0 ? null : inSeconds(p95),
  };
  const all = [...samples, sample].slice(-MAX_SAMPLES);
  seen.set(queue, all);
  return all;
}

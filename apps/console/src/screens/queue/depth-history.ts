import type { QueueDescription } from '../../api/queues.ts';
import { inSeconds, type Sample } from './depth-lines.ts';

const MAX_SAMPLES = 720;

/** What queues held since the page was opened, by their names. */
const seen = new Map<string, readonly Sample[]>();

/** Adds what a queue holds now. @param at in milliseconds since 1970. @returns all samples of the queue. */
export function addSample(queue: string, described: QueueDescription, at: number): readonly Sample[] {
  const samples = seen.get(queue) ?? [];
  const last = samples.at(-1);
  const second = Math.floor(at / 1000);
  if (last !== undefined && last.at >= second) return samples;
  const { waiting = 0, leased = 0, scheduled = 0, head_age } = described;
  const { count = 0, p50, p95 } = described.handling ?? {};
  const sample = {
    at: second,
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

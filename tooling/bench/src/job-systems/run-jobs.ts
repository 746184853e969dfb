import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { outcomeOf } from '../workload/closed-loop.ts';
import type { Outcome } from '../workload/work.ts';
import type { JobSystem } from './job-system.ts';

/** Jobs that callers add while workers handle them. */
export interface JobFlow {
  /** Callers, each of which adds the next job when its last one is stored. */
  readonly callers: number;
  readonly seconds: number;
}

/** Jobs that wait when the workers start. */
export interface JobPile {
  readonly jobs: number;
  /** How long the handler of each takes. */
  readonly handlerMs: number;
  readonly concurrency: number;
}

/** Adds and handles jobs side by side. The time ends when all that were added are completed. */
export async function runFlow(system: JobSystem, { callers, seconds }: JobFlow): Promise<Outcome> {
  const count = new Count();
  const latencies: number[] = [];
  const stop = await system.work({ concurrency: callers, handler: async () => {}, done: () => count.add() });
  const cpu = process.cpuUsage();
  const started = performance.now();
  const end = started + seconds * 1_000;
  const caller = async () => {
    for (let sent = performance.now(); sent < end; sent = performance.now()) {
      await system.add();
      latencies.push(performance.now() - sent);
    }
  };
  await Promise.all(Array.from({ length: callers }, caller));
  await count.reaches(latencies.length);
  const outcome = { items: count.value, latencies, seconds: (count.lastAt - started) / 1_000, cpu };
  await stop();
  return outcomeOf(outcome);
}

/** Handles jobs that were stored before. The time runs from the start of the first handler. */
export async function runPile(
  system: JobSystem,
  { jobs, handlerMs, concurrency }: JobPile,
): Promise<Outcome> {
  for (let stored = 0; stored < jobs; stored += concurrency) {
    await Promise.all(Array.from({ length: Math.min(concurrency, jobs - stored) }, () => system.add()));
  }
  const count = new Count();
  let started: number | undefined;
  const cpu = process.cpuUsage();
  const handler = () => {
    started ??= performance.now();
    return sleep(handlerMs);
  };
  const stop = await system.work({ concurrency, handler, done: () => count.add() });
  await count.reaches(jobs);
  const seconds = (count.lastAt - (started ?? 0)) / 1_000;
  await stop();
  return outcomeOf({ items: count.value, latencies: [], seconds, cpu });
}

/** Counts completed jobs. */
class Count {
  value = 0;
  /** When the last one was completed. */
  lastAt = 0;
  #wanted = Number.POSITIVE_INFINITY;
  readonly #reached = Promise.withResolvers<void>();

  add(): void {
    this.value++;
    this.lastAt = performance.now();
    if (this.value >= this.#wanted) this.#reached.resolve();
  }

  reaches(wanted: number): Promise<void> {
    this.#wanted = wanted;
    if (this.value >= wanted) this.#reached.resolve();
    return this.#reached.promise;
  }
}

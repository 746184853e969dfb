import cluster, { type Worker } from 'node:cluster';
import { once } from 'node:events';
import process from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';
import type { Clock, Logger } from '@querator/core';
import type { MonotonicClock } from '../monotonic-clock.ts';
import { WorkerQuestions } from './ask-workers.ts';
import { isMessage, type Message } from './messages.ts';

/** A worker that ran this long is replaced after the first pause only. */
const SETTLED_MS = 10_000;
/** The pauses before a worker is replaced. They grow while workers die soon after their start. */
const PAUSE_MS = { first: 100, longest: 5_000 } as const;
/** The number of failed starts per worker, before any worker listens, after which the parent gives up. */
const FAILED_STARTS = 2;

/** The settings of the workers. */
export interface WorkersOptions {
  readonly count: number;
  readonly clock: Clock;
  readonly monotonicClock: MonotonicClock;
  readonly logger: Logger;
  /** Takes what the parent does at a reload, besides its own settings. */
  readonly reloadAtSignal: (apply: () => Promise<void>) => void;
}

/**
 * Runs `count` processes of this program on one port until SIGINT or SIGTERM,
 * and then shuts all of them down. It replaces a worker that ends unexpectedly.
 * On SIGHUP it makes all of them reload.
 *
 * @returns the exit code: 0 if all workers shut down in order.
 */
export async function runWorkers({ count, ...deps }: WorkersOptions): Promise<number> {
  const workers = new Workers(deps);
  const stopped = workers.run(count);
  deps.reloadAtSignal(async () => workers.reload());
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => workers.stop(signal));
  return stopped;
}

class Workers {
  readonly #logger: Logger;
  readonly #monotonicClock: MonotonicClock;
  readonly #running = new Set<Worker>();
  /** Those of them that listen. */
  readonly #listening = new Set<Worker>();
  readonly #questions: WorkerQuestions;
  readonly #stopping = new AbortController();
  #everListened = false;
  #failedStarts = 0;
  #exitCode = 0;

  constructor({ clock, monotonicClock, logger }: Omit<WorkersOptions, 'count'>) {
    this.#logger = logger;
    this.#monotonicClock = monotonicClock;
    this.#questions = new WorkerQuestions(() => [...this.#listening], clock);
  }

  async run(count: number): Promise<number> {
    await Promise.all(Array.from({ length: count }, (_, n) => this.#keepPlace(n + 1, count)));
    return this.#exitCode;
  }

  /** Sends all workers the signal to shut down. Those in the same terminal may have received it already. */
  stop(reason: string): void {
    if (this.#stopping.signal.aborted) return;
    this.#logger.info('stopping', { signal: reason, workers: this.#running.size });
    this.#stopping.abort();
    for (const worker of this.#running) worker.process.kill('SIGTERM');
  }

  /** Tells all workers to reload. The message waits for a worker that is still starting, as a signal would not. */
  reload(): void {
    for (const worker of this.#running) {
      if (worker.isConnected()) worker.send({ type: 'querator:reload' } satisfies Message);
    }
  }

  /** Runs one worker after the other in a place, until the end. */
  async #keepPlace(place: number, count: number): Promise<void> {
    let pauseMs: number = PAUSE_MS.first;
    while (!this.#stopping.signal.aborted) {
      const startMs = this.#monotonicClock();
      const { code, signal } = await this.#runOne(place);
      if (this.#stopping.signal.aborted) {
        if (code !== 0) this.#exitCode = 1;
        return;
      }
      this.#logger.error('a worker died and is replaced', { worker: place, code, signal });
      if (!this.#everListened && ++this.#failedStarts >= FAILED_STARTS * count) {
        this.#exitCode = 1;
        return this.stop('no worker came up');
      }
      pauseMs = this.#monotonicClock() - startMs >= SETTLED_MS ? PAUSE_MS.first : pauseMs;
      // Not the injected clock: its timers would not keep the parent alive without a worker.
      await delay(pauseMs, undefined, { signal: this.#stopping.signal }).catch(() => {});
      pauseMs = Math.min(pauseMs * 2, PAUSE_MS.longest);
    }
  }

  async #runOne(place: number): Promise<{ code: number | null; signal: string | null }> {
    const worker = cluster.fork({ QUERATOR_WORKER: String(place) });
    this.#running.add(worker);
    this.#questions.add(worker);
    worker.on('message', (value: unknown) => {
      if (!isMessage(value) || value.type !== 'querator:listening') return;
      this.#everListened = true;
      this.#listening.add(worker);
      this.#logger.info('worker listens', { worker: place, pid: worker.process.pid });
    });
    worker.on('error', () => {});
    const [code, signal] = (await once(worker, 'exit')) as [number | null, string | null];
    this.#running.delete(worker);
    this.#listening.delete(worker);
    return { code, signal };
  }
}

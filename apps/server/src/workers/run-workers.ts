import cluster, { type Worker } from 'node:cluster';
import { once } from 'node:events';
import { createServer } from 'node:net';
import process from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';
import type { Clock, Logger } from '@querator/core';
import type { MonotonicClock } from '../monotonic-clock.ts';
import { MetricsGatherer } from './gather-metrics.ts';
import { isMessage } from './messages.ts';

/** A worker that lived for so long was all right; its place is filled at once. */
const SETTLED_MS = 10_000;
/** Pauses before a place is filled again, where workers die soon after their start. */
const PAUSE_MS = { first: 100, longest: 5_000 } as const;
/** So many deaths before any worker ever listened, for each worker, and there is no point in going on. */
const FAILED_STARTS = 2;

/** What workers are run with. */
export interface WorkersOptions {
  readonly count: number;
  /** Where they listen. */
  readonly listen: { readonly host: string; readonly port: number };
  readonly clock: Clock;
  readonly monotonicClock: MonotonicClock;
  readonly logger: Logger;
}

/**
 * Runs so many processes of this program, which share one port, until SIGINT
 * or SIGTERM; then lets all of them drain. One that dies is replaced.
 *
 * @returns the exit code: 0 when all ended in good order.
 * @throws Error when the address cannot be listened on.
 */
export async function runWorkers({ count, listen, ...deps }: WorkersOptions): Promise<number> {
  await tryAddress(listen);
  const workers = new Workers(deps);
  const stopped = workers.run(count);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => workers.stop(signal));
  return stopped;
}

class Workers {
  readonly #logger: Logger;
  readonly #monotonicClock: MonotonicClock;
  readonly #running = new Set<Worker>();
  readonly #metrics: MetricsGatherer;
  readonly #stopping = new AbortController();
  #everListened = false;
  #failedStarts = 0;
  #exitCode = 0;

  constructor({ clock, monotonicClock, logger }: Omit<WorkersOptions, 'count' | 'listen'>) {
    this.#logger = logger;
    this.#monotonicClock = monotonicClock;
    this.#metrics = new MetricsGatherer(() => [...this.#running], clock);
  }

  async run(count: number): Promise<number> {
    await Promise.all(Array.from({ length: count }, (_, n) => this.#keepPlace(n + 1, count)));
    return this.#exitCode;
  }

  /** Asks all to drain; those in the same terminal may have been asked already. */
  stop(reason: string): void {
    if (this.#stopping.signal.aborted) return;
    this.#logger.info('stopping', { signal: reason, workers: this.#running.size });
    this.#stopping.abort();
    for (const worker of this.#running) worker.process.kill('SIGTERM');
  }

  /** Keeps a worker in one of the places until the end. */
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
      await delay(pauseMs, undefined, { signal: this.#stopping.signal }).catch(() => {});
      pauseMs = Math.min(pauseMs * 2, PAUSE_MS.longest);
    }
  }

  async #runOne(place: number): Promise<{ code: number | null; signal: string | null }> {
    const worker = cluster.fork({ QUERATOR_WORKER: String(place) });
    this.#running.add(worker);
    this.#metrics.add(worker);
    worker.on('message', (value: unknown) => {
      if (!isMessage(value) || value.type !== 'querator:listening') return;
      this.#everListened = true;
      this.#logger.info('worker listens', { worker: place, pid: worker.process.pid });
    });
    worker.on('error', () => {});
    const [code, signal] = (await once(worker, 'exit')) as [number | null, string | null];
    this.#running.delete(worker);
    return { code, signal };
  }
}

/** One clear error instead of one from each worker, again and again. */
async function tryAddress({ host, port }: WorkersOptions['listen']): Promise<void> {
  if (port === 0)
    throw new Error('several workers need a port that is named; 0 would give each one of its own');
  const server = createServer();
  server.listen({ port, ...(host === '' ? {} : { host }) });
  await once(server, 'listening');
  server.close();
  await once(server, 'close');
}

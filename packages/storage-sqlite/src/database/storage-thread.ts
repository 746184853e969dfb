import { Worker } from 'node:worker_threads';
import type { Reply, Request, ThreadStart } from '../messages/requests.ts';
import { isSource, NODE_OPTIONS } from './thread-program.ts';

/** The program of the thread. */
const PROGRAM = isSource
  ? new URL('../thread/program.ts', import.meta.url)
  : new URL('../thread/program.js', import.meta.url);

/** The thread of a storage has ended, so the outcome of what it was asked is not known. */
export class ThreadEndedError extends Error {
  override readonly name = 'ThreadEndedError';
}

/** A thread that has the file of a storage open. One request at a time. */
export class StorageThread {
  readonly #worker: Worker;
  readonly #ended: Promise<void>;
  #asked: PromiseWithResolvers<Reply> | undefined;
  #hasEnded = false;

  constructor(start: ThreadStart) {
    this.#worker = new Worker(PROGRAM, { workerData: start, execArgv: [...NODE_OPTIONS] });
    let cause: unknown;
    this.#worker.on('message', (reply: Reply) => this.#settle()?.resolve(reply));
    this.#worker.on('error', (error) => {
      cause = error;
    });
    this.#ended = new Promise((resolve) => {
      this.#worker.on('exit', (code) => {
        this.#hasEnded = true;
        const text = cause instanceof Error ? cause.message : `exit code ${code}`;
        this.#settle()?.reject(new ThreadEndedError(`its thread ended: ${text}`, { cause }));
        resolve();
      });
    });
    // A storage that nobody waits for does not keep the process alive.
    this.#worker.unref();
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** @throws ThreadEndedError */
  ask(request: Request): Promise<Reply> {
    if (this.#hasEnded) return Promise.reject(new ThreadEndedError('its thread has ended'));
    const asked = Promise.withResolvers<Reply>();
    this.#asked = asked;
    this.#worker.ref();
    try {
      this.#worker.postMessage(request);
    } catch (error) {
      this.#settle()?.reject(error);
    }
    return asked.promise;
  }

  /** Ends the thread at once. What is committed stays. */
  async end(): Promise<void> {
    await this.#worker.terminate();
    await this.#ended;
  }

  /** What was asked, which has its answer now. */
  #settle(): PromiseWithResolvers<Reply> | undefined {
    const asked = this.#asked;
    this.#asked = undefined;
    this.#worker.unref();
    return asked;
  }
}

import cluster from 'node:cluster';
import process from 'node:process';
import { isMessage } from '../workers/messages.ts';

/**
 * Receives SIGHUP, and the message by which the parent passes it on to a worker.
 * From its creation on, SIGHUP no longer ends the process.
 */
export class ReloadSignals {
  #handler: (() => void) | undefined;
  /** Whether there was one before the handler. */
  #isPending: boolean;

  /** @param isPending whether there was one already. */
  constructor(isPending: boolean) {
    this.#isPending = isPending;
    process.on('SIGHUP', () => this.#receive());
    if (!cluster.isWorker) return;
    process.on('message', (value) => {
      if (isMessage(value) && value.type === 'querator:reload') this.#receive();
    });
  }

  /** Calls the handler at each one, and at once if there was one already. */
  handle(handler: () => void): void {
    this.#handler = handler;
    if (this.#isPending) handler();
  }

  #receive(): void {
    if (this.#handler === undefined) this.#isPending = true;
    else this.#handler();
  }
}

import { MessageChannel, type MessagePort, receiveMessageOnPort, Worker } from 'node:worker_threads';
import type { FromThread, ThreadSettings, ThreadStart, ToThread } from './thread-messages.ts';

/** What a loop hears from the thread. */
export interface ThreadListener {
  /** A message of the thread to this loop. */
  readonly heard: (message: FromThread) => void;
  /** The thread has ended, or could not start. It renews nothing any more. */
  readonly failed: (error: unknown) => void;
}

/** A loop's place in the thread. */
export interface ThreadPlace {
  readonly loop: number;
  /** Makes the thread ready to renew. Resolves once it is, or has failed. Never rejects. */
  load(): Promise<void>;
  post(message: ToThread): void;
  /** Takes the messages that have arrived, without waiting for the event loop. */
  sync(): void;
  /** Gives the place up. The thread ends with its last place. */
  close(): void;
}

/** A thread that renews leases. */
export interface RenewalThread {
  /** Opens a place for a loop. Starts the thread for the first one. @throws if it cannot be started. */
  open(listener: ThreadListener): ThreadPlace;
}

interface RunningThread {
  readonly worker: Worker;
  readonly port: MessagePort;
  readonly ready: PromiseWithResolvers<void>;
  /** Whether it was told to load its program. */
  isLoading: boolean;
}

const isSource = import.meta.url.endsWith('.ts');

/** The program, from the sources or as compiled. */
const PROGRAM = isSource
  ? new URL('../renewal/renewal-thread.ts', import.meta.url)
  : new URL('../renewal/renewal-thread.js', import.meta.url);

/**
 * A program from the sources needs the other packages' sources. A compiled one
 * inherits Node's options: given again, some of them would be refused.
 */
const NODE_OPTIONS = isSource ? { execArgv: ['--conditions=@querator/source'] } : {};

/**
 * The thread that renews the leases of a client's workers, so that a handler that
 * blocks the event loop keeps its lease. It runs while a worker has a place in it,
 * and does not keep the process alive.
 */
export class ThreadHost implements RenewalThread {
  readonly #settings: ThreadSettings;
  readonly #listeners = new Map<number, ThreadListener>();
  #running: RunningThread | undefined;
  #lastLoop = 0;

  constructor(settings: ThreadSettings) {
    this.#settings = settings;
  }

  open(listener: ThreadListener): ThreadPlace {
    const loop = ++this.#lastLoop;
    this.#running ??= this.#start();
    const running = this.#running;
    const { port } = running;
    this.#listeners.set(loop, listener);
    return {
      loop,
      load: () => load(running),
      post: (message) => port.postMessage(message),
      sync: () => this.#receive(port),
      close: () => this.#close(loop),
    };
  }

  #start(): RunningThread {
    const { port1: port, port2 } = new MessageChannel();
    const start: ThreadStart = { port: port2, settings: this.#settings };
    const worker = new Worker(PROGRAM, { workerData: start, transferList: [port2], ...NODE_OPTIONS });
    const running = { worker, port, ready: Promise.withResolvers<void>(), isLoading: false };
    worker.on('error', (error) => this.#failed(running, error));
    worker.on('exit', (code) =>
      this.#failed(running, new Error(`the thread that renews leases ended with ${code}`)),
    );
    worker.unref();
    worker.on('message', () => running.ready.resolve());
    port.on('message', (message: FromThread) => this.#hear(message));
    port.unref();
    return running;
  }

  #receive(port: MessagePort): void {
    for (;;) {
      const received = receiveMessageOnPort(port) as { message: FromThread } | undefined;
      if (received === undefined) return;
      this.#hear(received.message);
    }
  }

  #hear(message: FromThread): void {
    this.#listeners.get(message.loop)?.heard(message);
  }

  #close(loop: number): void {
    if (!this.#listeners.delete(loop) || this.#listeners.size > 0) return;
    const running = this.#running;
    this.#running = undefined;
    running?.port.close();
    void running?.worker.terminate();
  }

  #failed(running: RunningThread, error: unknown): void {
    if (this.#running !== running) return;
    this.#running = undefined;
    running.ready.resolve();
    running.port.close();
    const listeners = [...this.#listeners.values()];
    this.#listeners.clear();
    for (const { failed } of listeners) failed(error);
  }
}

function load(running: RunningThread): Promise<void> {
  if (!running.isLoading) running.port.postMessage({ kind: 'load' } satisfies ToThread);
  running.isLoading = true;
  return running.ready.promise;
}

import { setTimeout as delay } from 'node:timers/promises';
import type { Recorder } from '../history/recorder.ts';

/** A server that counts the items it has put back. */
export interface CountsReleases {
  /** Which of its processes runs: each counts from nothing. */
  readonly process: number;
  /** How many items of the queue that process has put back so far; nothing: it does not say. */
  released(queue: string): Promise<number | undefined>;
}

/**
 * Asks servers again and again how many items they have put back. Where that
 * is none, no lease can have hidden an item from others without being seen in
 * the history, and the order is judged without that excuse.
 */
export class ReleaseWatch {
  readonly #recorder: Recorder;
  readonly #servers: readonly CountsReleases[];
  readonly #queue: string;
  readonly #loops: Promise<void>[] = [];
  #watching = true;
  readonly #counts: number[] = [];
  #releasedAt: number | undefined;

  constructor(recorder: Recorder, servers: readonly CountsReleases[], queue: string) {
    this.#recorder = recorder;
    this.#servers = servers;
    this.#queue = queue;
  }

  /** When it was last noticed that one of them had put items back, on the clock of the history; absent: never. */
  get releasedAt(): number | undefined {
    return this.#releasedAt;
  }

  /** Asks all of them once, and from then on every so many milliseconds. */
  async start(everyMs: number): Promise<void> {
    await Promise.all(this.#servers.map((server, instance) => this.#ask(server, instance)));
    for (const [instance, server] of this.#servers.entries()) {
      this.#loops.push(this.#watch(server, instance, everyMs));
    }
  }

  /** Resolves when the last answer is there. */
  async stop(): Promise<void> {
    this.#watching = false;
    await Promise.all(this.#loops);
  }

  async #watch(server: CountsReleases, instance: number, everyMs: number): Promise<void> {
    while (this.#watching) {
      await delay(everyMs);
      await this.#ask(server, instance);
    }
  }

  async #ask(server: CountsReleases, instance: number): Promise<void> {
    const { process } = server;
    const asked = this.#recorder.now();
    const released = await server.released(this.#queue);
    // Where it was started again meanwhile, nobody knows which process it was.
    if (released === undefined || server.process !== process) return;
    const answered = this.#recorder.now();
    this.#recorder.counted({ instance, process, asked, answered, released });
    if (released > (this.#counts[instance] ?? 0)) this.#releasedAt = answered;
    this.#counts[instance] = released;
  }
}

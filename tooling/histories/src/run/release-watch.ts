import { setTimeout as delay } from 'node:timers/promises';
import type { Recorder } from '../history/recorder.ts';

/** A server that counts the items that it puts back. */
export interface CountsReleases {
  /** The number of its process. Each process counts from 0. */
  readonly process: number;
  /** The number of items of the queue that the process has put back. Undefined if unknown. */
  released(queue: string): Promise<number | undefined>;
}

/**
 * Reads regularly how many items the servers have put back. Without any, no lease
 * can have hidden an item unseen, and the order is checked without that excuse.
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

  /** The time of the last known put-back, on the clock of the history. Undefined: none. */
  get releasedAt(): number | undefined {
    return this.#releasedAt;
  }

  /** Reads all counts once, and then every `everyMs` milliseconds. */
  async start(everyMs: number): Promise<void> {
    await Promise.all(this.#servers.map((server, instance) => this.#ask(server, instance)));
    for (const [instance, server] of this.#servers.entries()) {
      this.#loops.push(this.#watch(server, instance, everyMs));
    }
  }

  /** Resolves after the last answer. */
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
    // After a restart it is unknown which process has answered.
    if (released === undefined || server.process !== process) return;
    const answered = this.#recorder.now();
    this.#recorder.counted({ instance, process, asked, answered, released });
    if (released > (this.#counts[instance] ?? 0)) this.#releasedAt = answered;
    this.#counts[instance] = released;
  }
}

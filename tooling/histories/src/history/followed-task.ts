import { setTimeout as delay } from 'node:timers/promises';
import type { TaskEnd } from './history.ts';
import { CallFailed, orUnknown } from './queue-calls.ts';
import type { TaskCalls } from './task-calls.ts';

/** How to follow a task. Times are in milliseconds. */
export interface HowToFollow {
  /** When to cancel it, from its creation. Undefined: never. */
  readonly cancelAfterMs: number | undefined;
  /** The pause between two looks. */
  readonly lookMs: number;
  /** How long to wait for its end. */
  readonly patienceMs: number;
}

/** A task that an operator creates and follows to its end. */
export class FollowedTask {
  readonly #now: () => number;
  readonly #server: () => TaskCalls;
  #created: number | undefined;
  #cancelled: number | undefined;

  /** @param server the next one to ask: a server may be down. */
  constructor(now: () => number, server: () => TaskCalls) {
    this.#now = now;
    this.#server = server;
  }

  /** When its creation was answered, and its end requested. */
  get times(): { readonly created?: number; readonly cancelled?: number } {
    return {
      ...(this.#created === undefined ? {} : { created: this.#created }),
      ...(this.#cancelled === undefined ? {} : { cancelled: this.#cancelled }),
    };
  }

  /** @throws CallFailed if it cannot be created, or does not end in time. */
  async run(
    create: () => Promise<string>,
    { cancelAfterMs, lookMs, patienceMs }: HowToFollow,
  ): Promise<TaskEnd> {
    const id = await create();
    const created = this.#now();
    this.#created = created;
    while (this.#now() - created < patienceMs) {
      if (cancelAfterMs !== undefined && this.#now() - created >= cancelAfterMs) {
        this.#cancelled ??= this.#now();
        await orUnknown(this.#server().cancel(id));
      }
      await delay(lookMs);
      const end = await orUnknown(this.#server().endOf(id));
      if (end !== undefined) return end;
    }
    throw new CallFailed('unknown', 'the task did not end in time');
  }
}

import { setTimeout as delay } from 'node:timers/promises';
import type { SeededRandom } from '@querator/core/testing';
import type { RecordedLetters } from '../history/recorded-letters.ts';
import type { RecordedCalls } from '../history/recorder.ts';
import { oneOf } from './one-of.ts';

/** What a redriver calls, and how fast. */
export interface RedriverOptions {
  readonly letters: RecordedLetters;
  /** Its calls on the dead-letter queue, at each server. */
  readonly consumer: readonly RecordedCalls[];
  readonly random: SeededRandom;
  readonly leaseTimeoutMs: number;
  /** How many of its tasks delete letters. */
  readonly deletes: number;
}

/** Letters that the redriver has leased. */
interface LeasedLetters {
  readonly server: RecordedCalls;
  readonly partition: number;
  readonly ids: readonly string[];
}

/** How long a task may take: another server takes it over 5 to 9 s after a kill. */
const PATIENCE_MS = 20_000;

/**
 * An operator of a dead-letter queue, one call at a time: leases some letters, gives back or
 * completes them, lists the others, and lets a task return or delete them, which it sometimes cancels.
 */
export class Redriver {
  readonly #options: RedriverOptions;
  #goesOn = true;

  constructor(options: RedriverOptions) {
    this.#options = options;
  }

  /** Works until it is told to stop, and its last task has ended. */
  async run(): Promise<void> {
    const { letters, random, leaseTimeoutMs, deletes } = this.#options;
    while (this.#goesOn) {
      await delay(random.fraction() * leaseTimeoutMs * 0.3);
      const found = await letters.list();
      if (found.length === 0) continue;
      const held = random.fraction() < 0.25 ? await this.#lease() : undefined;
      if (held !== undefined && random.fraction() < 0.4) {
        await this.#settle(held);
        continue;
      }
      // So slow that it is cancelled in the middle.
      const isSlow = random.fraction() < 0.3;
      const cancelled = isSlow || random.fraction() < 0.2;
      await letters.run({
        kind: random.fraction() < deletes ? 'delete' : 'redrive',
        rate: isSlow ? Math.ceil((found.length * 1_000) / leaseTimeoutMs) : 0,
        cancelAfterMs: cancelled ? random.fraction() * leaseTimeoutMs * 0.5 : undefined,
        lookMs: Math.min(leaseTimeoutMs / 10, 50),
        patienceMs: PATIENCE_MS,
      });
      // The task had to leave these alone.
      if (held !== undefined) await this.#settle(held);
    }
  }

  stop(): void {
    this.#goesOn = false;
  }

  async #lease(): Promise<LeasedLetters> {
    const { consumer, random } = this.#options;
    const server = oneOf(consumer, random);
    const { partition, given } = await server.lease(1 + Math.floor(random.fraction() * 5));
    return { server, partition, ids: given.map(({ id }) => id) };
  }

  /** Completes some, and mostly gives back the others. */
  async #settle({ server, partition, ids: held }: LeasedLetters): Promise<void> {
    const { random } = this.#options;
    const ids = [...held];
    const completed = ids.splice(0, Math.floor(ids.length * random.fraction() * 0.5));
    if (completed.length > 0) await server.complete(partition, completed);
    if (ids.length > 0 && random.fraction() < 0.7) await server.retry(partition, ids);
  }
}

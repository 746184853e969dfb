import type { Clock } from '@querator/core';
import { DutyCycle } from '../low-water-mark/duty-cycle.ts';
import { SettledBounds } from '../low-water-mark/settled-bounds.ts';

/** Queues that have a mark. The ones whose rows came longest ago lose theirs. */
const MOST_MARKED = 100;
/** A queue gets a mark, and the marks move on, after this many rows: their dead entries justify a statement. */
const MANY_ROWS = 1_000;
/** Polls from this duration on are slow. */
const SLOW_MS = 10;
/** The shortest time between two checks, and the part of the time that they take at most. */
const CHECK_MS = 100;
const CHECK_PARTS = 10;
/** The same for checks of the range below the marks. */
const BELOW_MS = 5_000;
const BELOW_PARTS = 20;

/** Queues, each with the least id that a row of it can have. */
export interface Marked {
  readonly queues: readonly string[];
  readonly marks: readonly string[];
}

/** What one check of an outbox finds. */
export interface OutboxCheck {
  /** The transactions that may be writing rows, or have written and not committed. */
  readonly writers: readonly string[];
  /** The first visible row of each queue from its mark on, in the order of the queues. */
  readonly firsts: readonly (string | null)[];
}

/** A queue whose rows have come lately. */
interface Tracked {
  rows: number;
  /** No row with a lower id will ever be visible. Undefined: not known. */
  mark: bigint | undefined;
}

/** Below every id. */
const NO_MARK = 0n;

/**
 * The low-water marks of an outbox (decisions 7 and 34): ids below which a queue has no row, and
 * never gets one. Reads that begin there do not pass the dead entries of rows that have moved.
 *
 * An id that was read was taken from the sequence by then, as were all lower ones. A check lists
 * the transactions that are writing. Once those are gone, the next check sees each row up to that
 * id that there will ever be. The first row of a queue is its mark then.
 */
export class OutboxMarks {
  readonly #bounds = new SettledBounds<bigint>();
  readonly #tracked = new Map<string, Tracked>();
  readonly #checks: DutyCycle;
  readonly #below: DutyCycle;
  readonly #clock: Clock;
  #highest = NO_MARK;
  /** Rows that were read, and how many of them lie below the last settled bound. */
  #rows = 0;
  #settledRows = 0;
  /** Counts calls of `forget`. */
  #times = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#checks = new DutyCycle(clock, CHECK_PARTS);
    this.#below = new DutyCycle(clock, BELOW_PARTS);
  }

  /** The queues with a mark. Undefined: none has. */
  get marked(): Marked | undefined {
    const marked = [...this.#tracked].filter(([, { mark }]) => mark !== undefined);
    if (marked.length === 0) return undefined;
    return { queues: marked.map(([queue]) => queue), marks: marked.map(([, { mark }]) => String(mark)) };
  }

  /** The id at which a read of the rows of a queue begins. */
  startOf(queue: string): string {
    return String(this.#tracked.get(queue)?.mark ?? NO_MARK);
  }

  /** Rows of a queue were read, and will be removed. */
  read(queue: string, ids: readonly string[]): void {
    const last = ids.at(-1);
    if (last === undefined) return;
    const { rows, mark } = this.#tracked.get(queue) ?? { rows: 0, mark: undefined };
    this.#tracked.delete(queue);
    this.#tracked.set(queue, { rows: rows + ids.length, mark });
    const [oldest] = this.#tracked.keys();
    if (this.#tracked.size > MOST_MARKED && oldest !== undefined) this.#tracked.delete(oldest);
    this.#rows += ids.length;
    if (BigInt(last) > this.#highest) this.#highest = BigInt(last);
  }

  /** The database may be another one now, which lacks the last transactions. */
  forget(): void {
    this.#times++;
    for (const tracked of this.#tracked.values()) tracked.mark = undefined;
    this.#bounds.forget();
    this.#highest = NO_MARK;
    this.#settledRows = Number.NEGATIVE_INFINITY;
  }

  /**
   * Runs a check if the marks profit from one.
   *
   * @param pollMs how long the last poll took. A slow one may pass the dead entries of few rows, or
   *   those of an earlier relay.
   * @param check checks the outbox from these marks on.
   */
  async advance(pollMs: number, check: (from: Marked) => Promise<OutboxCheck>): Promise<void> {
    const many = pollMs < SLOW_MS ? MANY_ROWS : 1;
    if (this.#highest === NO_MARK || this.#rows - this.#settledRows < many) return;
    if (!this.#checks.isDue(CHECK_MS, this.#clock.now())) return;
    const [end, times] = [this.#checks.begin(), this.#times];
    const from = [...this.#tracked].filter(([, { rows }]) => rows >= many).map(([queue]) => queue);
    const [highest, rows] = [this.#highest, this.#rows];
    try {
      const seen = await check({ queues: from, marks: from.map((queue) => this.startOf(queue)) });
      if (times !== this.#times) return;
      const writers = new Set(seen.writers);
      const settled = this.#bounds.afterSnapshot({ bound: highest + 1n, writers }, rows);
      if (settled === undefined) return;
      for (const [n, queue] of from.entries()) this.#mark(queue, settled.id, seen.firsts[n] ?? null);
      this.#settledRows = settled.leased;
    } finally {
      end();
    }
  }

  /**
   * Looks for rows below the marks now and then: after ids were given out in another order than
   * PostgreSQL does, they may be there. Queues with such rows lose their marks.
   *
   * @param look returns the queues that have rows below these marks.
   */
  async lookBelow(look: (marked: Marked) => Promise<readonly string[]>): Promise<void> {
    const { marked } = this;
    if (marked === undefined || !this.#below.isDue(BELOW_MS, this.#clock.now())) return;
    const end = this.#below.begin();
    try {
      for (const queue of await look(marked)) this.#tracked.delete(queue);
    } finally {
      end();
    }
  }

  #mark(queue: string, bound: bigint, first: string | null): void {
    const tracked = this.#tracked.get(queue);
    if (tracked !== undefined) tracked.mark = first === null || BigInt(first) > bound ? bound : BigInt(first);
  }
}

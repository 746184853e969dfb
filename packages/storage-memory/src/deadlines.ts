import type { Instant } from '@querator/core';
import { Heap } from './heap.ts';

/** An entry's deadline. It is stale once the entry has got another one, or none. */
export interface Deadline<T> {
  readonly at: Instant;
  readonly entry: T;
}

/** What {@link Deadlines} needs to know of an entry. */
export interface DeadlineOwner {
  readonly id: string;
  /** The pending deadline. Only {@link Deadlines} sets it. */
  deadline: Deadline<DeadlineOwner> | undefined;
}

/** Up to this number, stale deadlines are not removed. */
const STALE_ALLOWED = 1_024;

/**
 * The deadlines of entries, ordered by time, then by id.
 *
 * Most deadlines are set in order, because the timeouts of a queue rarely
 * change: those go to the end of a line, in constant time. Only deadlines out of
 * order go to a heap. Most items are completed before their deadline, so most
 * deadlines become stale: they are skipped at the head, and removed once they
 * are the greater part.
 */
export class Deadlines<T extends DeadlineOwner> {
  #line: Deadline<T>[] = [];
  #head = 0;
  readonly #outOfOrder = new Heap<Deadline<T>>(isBefore);
  #stale = 0;

  /** Sets the deadline of an entry that has none. */
  set(entry: T, at: Instant): void {
    const deadline = { at, entry };
    entry.deadline = deadline;
    const last = this.#line.at(-1);
    if (last === undefined || isBefore(last, deadline)) this.#line.push(deadline);
    else this.#outOfOrder.push(deadline);
  }

  /** Removes the deadline of an entry, if it has one. */
  cancel(entry: T): void {
    if (entry.deadline === undefined) return;
    entry.deadline = undefined;
    this.#stale++;
    const size = this.#line.length - this.#head + this.#outOfOrder.size;
    if (this.#stale > STALE_ALLOWED && this.#stale > size / 2) this.#removeStale();
  }

  /** The earliest deadline. */
  first(): Deadline<T> | undefined {
    for (
      let next = this.#line[this.#head];
      next !== undefined && !isPending(next);
      next = this.#line[this.#head]
    ) {
      this.#advance();
      this.#stale--;
    }
    for (
      let top = this.#outOfOrder.peek();
      top !== undefined && !isPending(top);
      top = this.#outOfOrder.peek()
    ) {
      this.#outOfOrder.pop();
      this.#stale--;
    }
    const next = this.#line[this.#head];
    const top = this.#outOfOrder.peek();
    return next === undefined || (top !== undefined && isBefore(top, next)) ? top : next;
  }

  /** Removes the deadline that `first` returned. */
  takeFirst(first: Deadline<T>): void {
    first.entry.deadline = undefined;
    if (first === this.#line[this.#head]) this.#advance();
    else this.#outOfOrder.pop();
  }

  #advance(): void {
    this.#head++;
    if (
      this.#head === this.#line.length ||
      (this.#head > STALE_ALLOWED && this.#head > this.#line.length / 2)
    ) {
      this.#line = this.#line.slice(this.#head);
      this.#head = 0;
    }
  }

  #removeStale(): void {
    this.#line = this.#line.slice(this.#head).filter(isPending);
    this.#head = 0;
    this.#outOfOrder.keep(isPending);
    this.#stale = 0;
  }
}

/** Whether one deadline comes before the other. */
export function isBefore(a: Deadline<DeadlineOwner>, b: Deadline<DeadlineOwner>): boolean {
  return a.at < b.at || (a.at === b.at && a.entry.id < b.entry.id);
}

function isPending(deadline: Deadline<DeadlineOwner>): boolean {
  return deadline.entry.deadline === deadline;
}

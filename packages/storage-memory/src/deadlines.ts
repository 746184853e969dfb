import type { Instant } from '@querator/core';
import type { Entry } from './entry.ts';
import { Heap } from './heap.ts';

/** Rings for an entry at a time, unless the entry has got another alarm since. */
export interface Alarm {
  readonly at: Instant;
  readonly entry: Entry;
}

/** So many alarms are never worth clearing away. */
const STALE_ALLOWED = 1_024;

/**
 * The deadlines of entries, the earliest at hand; ties go by id.
 *
 * Most deadlines are set in their order, since a queue's timeouts are always
 * the same: those stand in line, where the next one costs nothing. Only what
 * comes out of order goes to a heap. And most never come, since items are
 * completed before: those are left behind as stale, passed over when it is
 * their turn, and cleared away once they are the greater part.
 */
export class Deadlines {
  #line: Alarm[] = [];
  #head = 0;
  readonly #outOfOrder = new Heap<Alarm>(isBefore);
  #stale = 0;

  /** Gives an entry that has none a deadline. */
  set(entry: Entry, at: Instant): void {
    const alarm = { at, entry };
    entry.alarm = alarm;
    const last = this.#line.at(-1);
    if (last === undefined || isBefore(last, alarm)) this.#line.push(alarm);
    else this.#outOfOrder.push(alarm);
  }

  /** Takes an entry's deadline away, if it has one. */
  cancel(entry: Entry): void {
    if (entry.alarm === undefined) return;
    entry.alarm = undefined;
    this.#stale++;
    const held = this.#line.length - this.#head + this.#outOfOrder.size;
    if (this.#stale > STALE_ALLOWED && this.#stale > held / 2) this.#clearStale();
  }

  /** The earliest deadline. */
  first(): Alarm | undefined {
    for (
      let next = this.#line[this.#head];
      next !== undefined && !isValid(next);
      next = this.#line[this.#head]
    ) {
      this.#advance();
      this.#stale--;
    }
    for (
      let top = this.#outOfOrder.peek();
      top !== undefined && !isValid(top);
      top = this.#outOfOrder.peek()
    ) {
      this.#outOfOrder.pop();
      this.#stale--;
    }
    const next = this.#line[this.#head];
    const top = this.#outOfOrder.peek();
    return next === undefined || (top !== undefined && isBefore(top, next)) ? top : next;
  }

  /** Takes out what `first` gave. */
  takeFirst(first: Alarm): void {
    first.entry.alarm = undefined;
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

  #clearStale(): void {
    this.#line = this.#line.slice(this.#head).filter(isValid);
    this.#head = 0;
    this.#outOfOrder.keep(isValid);
    this.#stale = 0;
  }
}

/** Whether one alarm rings before the other. */
export function isBefore(a: Alarm, b: Alarm): boolean {
  return a.at < b.at || (a.at === b.at && a.entry.id < b.entry.id);
}

function isValid(alarm: Alarm): boolean {
  return alarm.entry.alarm === alarm;
}

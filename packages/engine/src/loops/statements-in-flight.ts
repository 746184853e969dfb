import { type Clock, type Instant, millisecondsBetween } from '@querator/core';
import type { EngineLimits } from '../engine-options.ts';
import type { Lane } from '../partition/partition-state.ts';
import { isWorthAStatement } from './batching-policy.ts';

/** A statement that is under way. */
export interface Slot {
  readonly lane: Lane;
  readonly since: Instant;
  /** In it, or asked for with it. */
  readonly items: number;
  /** So many it will write, as far as is known. */
  readonly written: number;
  /** When it takes longer than this it is slow; milliseconds. */
  readonly slowAfterMs: number;
}

/** Where so many statements write so many items in all, the database is busy: another would only be in their way. */
const BUSY = { statements: 2, items: 1_000 };

type SlotLimits = Pick<EngineLimits, 'statementsInFlight' | 'slowMs' | 'slowItemMs'>;

/**
 * The statements of one kind that are under way on each partition. So many at
 * a time are let through; where one takes long for what it writes, no other
 * joins it, since the next would only wait with it, and another partition may
 * serve.
 */
export class StatementSlots {
  readonly #clock: Clock;
  readonly #limits: SlotLimits;
  readonly #taken = new Map<Lane, Set<Slot>>();

  constructor(clock: Clock, limits: SlotLimits) {
    this.#clock = clock;
    this.#limits = limits;
  }

  /** Whether any statement is under way. */
  get any(): boolean {
    return this.#taken.size > 0;
  }

  /** Whether a statement is under way on the partition. */
  has(lane: Lane): boolean {
    return this.#taken.has(lane);
  }

  /** Whether the partition takes no further statement now. */
  isFull(lane: Lane): boolean {
    return this.isFullFor(Number.POSITIVE_INFINITY, lane);
  }

  /** Whether the partition takes no further statement now, or none for so few items. */
  isFullFor(items: number, lane: Lane): boolean {
    const slots = this.#taken.get(lane);
    if (slots === undefined) return false;
    if (slots.size >= this.#limits.statementsInFlight) return true;
    let underWay = 0;
    let writing = 0;
    const now = this.#clock.now();
    for (const slot of slots) {
      if (millisecondsBetween(slot.since, now) >= slot.slowAfterMs) return true;
      underWay += slot.items;
      writing += slot.written;
    }
    return (
      (slots.size >= BUSY.statements && writing >= BUSY.items) ||
      !isWorthAStatement(items, { statements: slots.size, items: underWay })
    );
  }

  /**
   * A statement is sent.
   *
   * @param items in it, or asked for with it.
   * @param written so many it will write, as far as is known.
   */
  take(lane: Lane, items: number, written = items): Slot {
    const { slowMs, slowItemMs } = this.#limits;
    const slowAfterMs = slowMs + Math.floor(written * slowItemMs);
    const slot = { lane, since: this.#clock.now(), items, written, slowAfterMs };
    const slots = this.#taken.get(lane);
    if (slots === undefined) this.#taken.set(lane, new Set([slot]));
    else slots.add(slot);
    return slot;
  }

  giveBack(slot: Slot): void {
    const slots = this.#taken.get(slot.lane);
    slots?.delete(slot);
    if (slots?.size === 0) this.#taken.delete(slot.lane);
  }
}

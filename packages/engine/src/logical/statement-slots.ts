import { type Clock, type Instant, millisecondsBetween } from '@querator/core';
import type { Lane } from './lane.ts';
import { isWorthAStatement } from './worth-a-statement.ts';

/** A statement that is under way. */
export interface Slot {
  readonly lane: Lane;
  readonly since: Instant;
  /** In it, or asked for with it. */
  readonly items: number;
}

/**
 * The statements of one kind that are under way on each partition. So many at
 * a time are let through; where one takes long, no other joins it, since the
 * next would only wait with it, and another partition may serve.
 */
export class StatementSlots {
  readonly #clock: Clock;
  readonly #most: number;
  readonly #slowMs: number;
  readonly #taken = new Map<Lane, Set<Slot>>();

  constructor(clock: Clock, limits: { readonly statementsInFlight: number; readonly slowMs: number }) {
    this.#clock = clock;
    this.#most = limits.statementsInFlight;
    this.#slowMs = limits.slowMs;
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
    if (slots.size >= this.#most) return true;
    let underWay = 0;
    for (const slot of slots) underWay += slot.items;
    if (!isWorthAStatement(items, { statements: slots.size, items: underWay })) return true;
    const [oldest] = slots;
    return oldest !== undefined && millisecondsBetween(oldest.since, this.#clock.now()) >= this.#slowMs;
  }

  take(lane: Lane, items: number): Slot {
    const slot = { lane, since: this.#clock.now(), items };
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

import type { ItemId, StoredItem } from '@querator/core';
import type { EngineDeps } from '../engine-options.ts';
import type { Lane } from '../logical/lane.ts';
import type { QueueHooks } from '../logical/queue-hooks.ts';
import { probeDelayMs } from './back-off.ts';
import { logDeleted } from './log-deleted.ts';

/** Past this a move to the dead-letter queue is taken for dead itself, and repeated. */
const SHORTEST_CLAIM_MS = 30_000;
/** However long moves have failed: what is claimed and not held here waits for the end of its claim. */
const LONGEST_CLAIM_MS = 300_000;

/**
 * How long a sweep's claim on dead items is made use of, half of what it
 * lasts at least: a move that begins at the last moment still ends before another
 * process may take the items for abandoned.
 */
const HOLD_MS = 15_000;

/** What became of an attempt to store dead items in the dead-letter queue. */
export interface Moved {
  /** The ids under which the stored ones died. */
  readonly ids: readonly ItemId[];
  /** Why others were not stored; absent: all of them were. */
  readonly error?: unknown;
}

/** Stores dead items in the dead-letter queue. Rejects when none could be stored. */
export type MoveDead = (deadQueue: string, items: readonly StoredItem[]) => Promise<Moved>;

/**
 * The way of one partition's dead items into the dead-letter queue: first
 * stored there, then removed here. A crash in between leaves both, and never
 * neither; the second copy is recognised by the id the item died under.
 *
 * That recognition ends when a consumer has completed the first copy, so what
 * is known to have been moved is never offered again: it is only removed.
 * What could not be moved stays claimed; it is tried again with growing
 * pauses, and left to a later sweep when the claim draws to its end.
 */
export class Burial {
  readonly #deps: EngineDeps;
  readonly #lane: Lane;
  readonly #hooks: QueueHooks;
  readonly #moveDead: MoveDead;
  /** Claimed and not moved yet. */
  #held: readonly StoredItem[] = [];
  #heldUntilMs = 0;
  /** Moved, and still here. */
  #moved: ItemId[] = [];
  #failures = 0;
  /** When the first of these was. */
  #failingSinceMs = 0;
  #nextTryMs = 0;

  constructor(deps: EngineDeps, lane: Lane, hooks: QueueHooks, moveDead: MoveDead) {
    this.#deps = deps;
    this.#lane = lane;
    this.#hooks = hooks;
    this.#moveDead = moveDead;
  }

  /** Milliseconds until the next attempt; absent when nothing is left to do. */
  get dueInMs(): number | undefined {
    return this.#held.length === 0 ? undefined : this.#nextTryMs - this.#nowMs();
  }

  /**
   * How long a sweep is to claim the dead for. While they cannot be moved a
   * claim lasts as long as that has been so: each claim writes all of them
   * anew, and there may be a million.
   */
  get claimMs(): number {
    if (this.#failures === 0) return SHORTEST_CLAIM_MS;
    const failingMs = this.#nowMs() - this.#failingSinceMs;
    return Math.min(Math.max(failingMs, SHORTEST_CLAIM_MS), LONGEST_CLAIM_MS);
  }

  /** What stood in the way may be gone: the next attempt need not wait. */
  hurry(): void {
    this.#nextTryMs = 0;
  }

  /** The claimed items may have been removed by an operator; a sweep finds those that were not. */
  letGo(): void {
    this.#held = [];
  }

  /** Goes on with what earlier attempts left. Call it before each sweep. Never rejects. */
  async goOn(): Promise<void> {
    await this.#removeMoved();
    const nowMs = this.#nowMs();
    if (nowMs > this.#heldUntilMs) this.#held = [];
    if (this.#held.length > 0 && nowMs >= this.#nextTryMs) await this.#bury(this.#held);
  }

  /**
   * Takes over what a sweep has just claimed. Never rejects.
   *
   * @param askedAtMs when the sweep was sent off, which is not later than the
   *   claim: a process may sleep before it reads the answer.
   */
  async bury(items: readonly StoredItem[], askedAtMs: number): Promise<void> {
    const nowMs = this.#nowMs();
    // One batch is kept for an early attempt; what dies meanwhile is left to the end of its claim.
    if (this.#held.length > 0) return;
    this.#heldUntilMs = askedAtMs + HOLD_MS;
    if (nowMs > this.#heldUntilMs) return;
    if (nowMs < this.#nextTryMs) this.#held = items;
    else await this.#bury(items);
  }

  async #bury(items: readonly StoredItem[]): Promise<void> {
    const { deadQueue } = this.#hooks.queue();
    this.#held = items;
    const { ids, error } = await this.#move(deadQueue, items);
    // An operator may have taken them away meanwhile.
    const gone = new Set(ids);
    this.#held = this.#held.filter(({ id }) => !gone.has(id));
    this.#moved.push(...ids);
    await this.#removeMoved();
    if (error === undefined) {
      this.#failures = 0;
      return;
    }
    if (this.#failures === 0) this.#failingSinceMs = this.#nowMs();
    this.#failures++;
    this.#nextTryMs = this.#nowMs() + probeDelayMs(this.#failures);
    this.#deps.logger.error(
      'items could not be moved to the dead-letter queue; they stay, and are tried again',
      {
        ...this.#where,
        deadQueue,
        items: items.length - ids.length,
        failures: this.#failures,
        err: error,
      },
    );
  }

  async #move(deadQueue: string, items: readonly StoredItem[]): Promise<Moved> {
    if (deadQueue === '') {
      // The setting was removed after the sweep: what is dead is then deleted.
      const { queue, partition } = this.#where;
      logDeleted(this.#deps.logger, { queue, partition, items: items.length });
      this.#deps.observer.items(queue, 'deleted', items.length);
      return { ids: items.map(({ id }) => id) };
    }
    try {
      const moved = await this.#moveDead(deadQueue, items);
      this.#deps.observer.items(this.#where.queue, 'dead_lettered', moved.ids.length);
      return moved;
    } catch (error) {
      return { ids: [], error };
    }
  }

  /** If it fails the partition is out of service, and the sweep at its return comes here first. */
  async #removeMoved(): Promise<void> {
    const ids = this.#moved;
    if (ids.length === 0) return;
    try {
      await this.#lane.store.remove(ids);
      this.#moved = this.#moved.slice(ids.length);
    } catch (error) {
      this.#hooks.failed(this.#lane, error);
    }
  }

  get #where() {
    return { queue: this.#hooks.queue().name, partition: this.#lane.partition };
  }

  #nowMs(): number {
    return Number(this.#deps.clock.now()) / 1_000;
  }
}

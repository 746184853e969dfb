import { type ItemId, type MarkResult, QueueError, type StoredItem, type SweepResult } from '@querator/core';
import type { EngineDeps } from '../engine-options.ts';
import { probeDelayMs } from '../partition/back-off.ts';
import type { Lane } from '../partition/partition-state.ts';
import type { QueueHooks } from '../partition/queue-hooks.ts';
import type { LetterBoxes, Step } from './dead-letter.ts';
import { logDeleted } from './log-deleted.ts';

/** A claim older than this is considered abandoned; another process may take it over. */
const SHORTEST_CLAIM_MS = 30_000;
/** However long moves have failed: what is claimed and not held here waits for the end of its claim. */
const LONGEST_CLAIM_MS = 300_000;

/**
 * How long a sweep's claim on dead items is made use of, half of what it
 * lasts at least: a move that begins at the last moment still ends before another
 * process may take the items for abandoned.
 */
const HOLD_MS = 15_000;

/** A storage call that ended unknown takes effect within this, or never: what is left of a claim that is held no more. */
const DOUBT_MS = SHORTEST_CLAIM_MS - HOLD_MS;

/**
 * The way of one partition's dead items into the dead-letter queue, in steps
 * that can each be repeated, by whoever finds the item after a crash (ADR 15):
 *
 * 1. held: the letter is stored there, and offered to nobody. One that is
 *    there already is left out.
 * 2. marked: from now on nobody stores it again.
 * 3. delivered: the letter is available there.
 * 4. removed: the original is gone.
 *
 * Who finds that another has marked the item leaves it to that one. A letter
 * that is stored after its item has gone is withdrawn before its hold ends.
 * Both happen to a process that slept until others had done all this; and the
 * last also where storage, which gave no answer, takes the letter only after
 * the next attempt.
 *
 * What could not be moved stays claimed; it is tried again with growing
 * pauses, and left to a later sweep when the claim draws to its end.
 */
export class Burial {
  readonly #deps: EngineDeps;
  readonly #lane: Lane;
  readonly #hooks: QueueHooks;
  readonly #letterBoxes: LetterBoxes;
  /** Claimed; nobody knows whether their letters are stored. */
  #held: readonly StoredItem[] = [];
  /** Of the claimed, those for which a mark that gave no answer may be this process's own. */
  readonly #perhapsMarked = new Set<ItemId>();
  /** Claimed and marked; nobody knows whether their letters were delivered. */
  #marked: readonly ItemId[] = [];
  #heldUntilMs = 0;
  /** Of the claimed, those whose letters may still be stored by a call that gave no answer, and until when. */
  readonly #inDoubt = new Map<ItemId, number>();
  /**
   * Gone, or on their way by another's hand: a letter that is held for one that
   * is gone is one too many. With the time from which none can come any more.
   */
  readonly #late = new Map<ItemId, number>();
  /** Done, and still here. */
  #done: readonly ItemId[] = [];
  #failures = 0;
  /** When the first of these was. */
  #failingSinceMs = 0;
  #nextTryMs = 0;

  constructor(deps: EngineDeps, lane: Lane, hooks: QueueHooks, letterBoxes: LetterBoxes) {
    this.#deps = deps;
    this.#lane = lane;
    this.#hooks = hooks;
    this.#letterBoxes = letterBoxes;
  }

  /** Milliseconds until the next attempt; absent when nothing is left to do. */
  get dueInMs(): number | undefined {
    const nowMs = this.#nowMs();
    if (this.#hasClaims) return this.#nextTryMs - nowMs;
    return this.#late.size > 0 ? Math.max(this.#nextTryMs, ...this.#late.values()) - nowMs : undefined;
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
    await this.#removeDone();
    const nowMs = this.#nowMs();
    if (nowMs > this.#heldUntilMs) {
      this.#held = [];
      this.#marked = [];
      this.#perhapsMarked.clear();
      this.#inDoubt.clear();
    }
    if ((this.dueInMs ?? 1) <= 0) await this.#bury();
  }

  /**
   * Takes over what a sweep has just claimed. Never rejects.
   *
   * @param askedAtMs when the sweep was sent off, which is not later than the
   *   claim: a process may sleep before it reads the answer.
   */
  async bury({ dead, moved }: Pick<SweepResult, 'dead' | 'moved'>, askedAtMs: number): Promise<void> {
    if (dead.length + moved.length === 0) return;
    const nowMs = this.#nowMs();
    // One batch is kept for an early attempt; what dies meanwhile is left to the end of its claim.
    if (this.#hasClaims) return;
    this.#heldUntilMs = askedAtMs + HOLD_MS;
    if (nowMs > this.#heldUntilMs) return;
    this.#held = dead;
    this.#marked = moved;
    if (nowMs >= this.#nextTryMs) await this.#bury();
  }

  get #hasClaims(): boolean {
    return this.#held.length + this.#marked.length > 0;
  }

  async #bury(): Promise<void> {
    const { deadQueue } = this.#hooks.queue();
    if (deadQueue === '') return this.#delete();
    const notHeld = await this.#hold(deadQueue);
    const notDelivered = await this.#deliver(deadQueue);
    await this.#removeDone();
    const notWithdrawn = await this.#withdraw(deadQueue);
    this.#tried(deadQueue, notHeld ?? notDelivered ?? notWithdrawn);
  }

  /** The setting was removed after the sweep: what is dead is then deleted. */
  async #delete(): Promise<void> {
    const { queue, partition } = this.#where;
    const ids = [...this.#held.map(({ id }) => id), ...this.#marked];
    if (ids.length > 0) {
      logDeleted(this.#deps.logger, { queue, partition, items: ids.length });
      this.#deps.observer.items(queue, 'deleted', ids.length);
    }
    this.#held = [];
    this.#marked = [];
    this.#late.clear();
    this.#done = [...this.#done, ...ids];
    this.#failures = 0;
    await this.#removeDone();
  }

  /** @returns why some are not held. */
  async #hold(deadQueue: string): Promise<unknown> {
    const items = this.#held;
    if (items.length === 0) return undefined;
    const { ids, error, inDoubt } = await settled(this.#letterBoxes.hold(deadQueue, items));
    for (const id of inDoubt) this.#inDoubt.set(id, this.#nowMs() + DOUBT_MS);
    if (ids.length > 0) await this.#mark(ids);
    return error;
  }

  /** If it fails the partition is out of service, and the sweep at its return goes on here. */
  async #mark(ids: readonly ItemId[]): Promise<void> {
    let result: MarkResult;
    try {
      result = await this.#lane.store.markMoved(ids);
    } catch (error) {
      for (const id of ids) this.#perhapsMarked.add(id);
      this.#hooks.failed(this.#lane, error);
      return;
    }
    const own = [...result.marked, ...result.markedBefore.filter((id) => this.#perhapsMarked.has(id))];
    const isOwn = new Set(own);
    const isHeld = new Set(ids);
    this.#held = this.#held.filter(({ id }) => !isHeld.has(id));
    for (const id of ids) this.#perhapsMarked.delete(id);
    this.#marked = [...this.#marked, ...own];
    const isThere = new Set(result.markedBefore);
    const others = ids.filter((id) => !isOwn.has(id));
    this.#watch(others.filter((id) => isThere.has(id)));
    // At once, as this process may not run for long: nobody else knows of these.
    this.#watch(
      others.filter((id) => !isThere.has(id)),
      0,
    );
  }

  /** @returns why some are not delivered. */
  async #deliver(deadQueue: string): Promise<unknown> {
    const marked = this.#marked;
    if (marked.length === 0) return undefined;
    const { ids, error } = await settled(this.#letterBoxes.deliver(deadQueue, marked));
    const isDelivered = new Set(ids);
    this.#marked = this.#marked.filter((id) => !isDelivered.has(id));
    this.#done = [...this.#done, ...ids];
    this.#deps.observer.items(this.#where.queue, 'dead_lettered', ids.length);
    return error;
  }

  /** @returns why some are not withdrawn. */
  async #withdraw(deadQueue: string): Promise<unknown> {
    const nowMs = this.#nowMs();
    const late = [...this.#late].filter(([, fromMs]) => fromMs <= nowMs).map(([id]) => id);
    if (late.length === 0) return undefined;
    let stillThere: readonly ItemId[];
    try {
      stillThere = (await this.#lane.store.markMoved(late)).markedBefore;
    } catch (error) {
      this.#hooks.failed(this.#lane, error);
      return undefined;
    }
    // Whoever marked these delivers the letters, or whoever finds the item after that one has died.
    for (const id of stillThere) this.#late.set(id, nowMs + DOUBT_MS);
    const isThere = new Set(stillThere);
    const gone = late.filter((id) => !isThere.has(id));
    if (gone.length === 0) return undefined;
    const { ids, error } = await settled(this.#letterBoxes.withdraw(deadQueue, gone));
    for (const id of ids) this.#late.delete(id);
    return error;
  }

  /** Settles when to try again. */
  #tried(deadQueue: string, error: unknown): void {
    if (error === undefined) {
      this.#failures = 0;
      return;
    }
    if (this.#failures === 0) this.#failingSinceMs = this.#nowMs();
    this.#failures++;
    this.#nextTryMs = this.#nowMs() + probeDelayMs(this.#failures);
    const { logger } = this.#deps;
    const items = this.#held.length + this.#marked.length;
    const fields = { ...this.#where, deadQueue, items, failures: this.#failures, err: error };
    if (isEnding(error)) logger.debug('items are not moved to a dead-letter queue that ends here', fields);
    else
      logger.error(
        'items could not be moved to the dead-letter queue; they stay, and are tried again',
        fields,
      );
  }

  /** If it fails the partition is out of service, and the sweep at its return comes here first. */
  async #removeDone(): Promise<void> {
    const ids = this.#done;
    if (ids.length === 0) return;
    try {
      await this.#lane.store.remove(ids);
      this.#done = this.#done.slice(ids.length);
      this.#watch(ids.filter((id) => this.#inDoubt.has(id)));
    } catch (error) {
      this.#hooks.failed(this.#lane, error);
    }
  }

  /** Looks after letters that may be one too many, when their items have gone and no storing is in doubt. */
  #watch(ids: readonly ItemId[], inMs = DOUBT_MS): void {
    const fromMs = this.#nowMs() + inMs;
    for (const id of ids) {
      this.#late.set(id, this.#inDoubt.get(id) ?? fromMs);
      this.#inDoubt.delete(id);
    }
  }

  get #where() {
    return { queue: this.#hooks.queue().name, partition: this.#lane.partition };
  }

  #nowMs(): number {
    return Number(this.#deps.clock.now()) / 1_000;
  }
}

/** Whether the dead-letter queue's work ends in this process, as at shutdown. The items stay for the next one. */
function isEnding(error: unknown): boolean {
  return error instanceof QueueError && error.code === 'failed';
}

/** A step that could not be taken at all is one that no item took. */
async function settled(step: Promise<Step>): Promise<Step> {
  try {
    return await step;
  } catch (error) {
    return { ids: [], error, inDoubt: [] };
  }
}

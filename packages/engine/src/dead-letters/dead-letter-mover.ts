import { type ItemId, type MarkResult, QueueError, type StoredItem, type SweepResult } from '@querator/core';
import type { EngineDeps } from '../engine-deps.ts';
import { backOffMs } from '../partition/back-off.ts';
import type { PartitionState } from '../partition/partition-state.ts';
import type { QueueHooks } from '../partition/queue-hooks.ts';
import type { DeadLetterTargets, Step } from './dead-letter.ts';
import { logDeleted } from './log-deleted.ts';

/** A claim older than this is considered abandoned; another process may take it over. */
const SHORTEST_CLAIM_MS = 30_000;
/** The longest claim, while moves fail. Items whose claim this process has lost wait for its end. */
const LONGEST_CLAIM_MS = 300_000;

/**
 * How long the process uses a claim, at most half of its length. A move that
 * begins at the last moment then still ends before another process may take
 * over the items.
 */
const USE_MS = 15_000;

/** A storage call with an unknown outcome takes effect within this time, or never. */
const DOUBT_MS = SHORTEST_CLAIM_MS - USE_MS;

/**
 * Moves the dead items of one partition to the dead-letter queue. Each step can
 * be repeated by any process that finds the item after a crash (ADR 15):
 *
 * 1. prepare: stores the letter, and offers it to no consumer. Leaves out a
 *    letter that exists already.
 * 2. mark: no process prepares a letter for a marked item again.
 * 3. commit: makes the letter available.
 * 4. remove: removes the original.
 *
 * If another process has marked the item, that process commits its letter. If
 * the item was gone before its letter was prepared, the letter is aborted before
 * it commits by itself. Both happen to a process that was suspended meanwhile.
 * A letter also comes late when storage applies a call with an unknown outcome
 * after the next attempt.
 *
 * Items that could not be moved stay claimed, and are tried again with back-off.
 * Near the end of the claim they are left to a later sweep.
 */
export class DeadLetterMover {
  readonly #deps: EngineDeps;
  readonly #partition: PartitionState;
  readonly #hooks: QueueHooks;
  readonly #targets: DeadLetterTargets;
  /** Claimed items whose letters may be missing. */
  #claimed: readonly StoredItem[] = [];
  /** Of these, items that a mark with an unknown outcome may have marked for this process. */
  readonly #perhapsMarked = new Set<ItemId>();
  /** Claimed and marked items whose letters may not be committed. */
  #marked: readonly ItemId[] = [];
  /** When the process stops using its claims. */
  #claimsEndMs = 0;
  /** Claimed items whose letters a call with an unknown outcome may still prepare, and until when. */
  readonly #inDoubt = new Map<ItemId, number>();
  /**
   * Items that are gone, or that another process moves. A letter prepared for one
   * that is gone must be aborted. The value is the time from which none can appear.
   */
  readonly #surplus = new Map<ItemId, number>();
  /** Items whose letters are committed, and that are still to be removed. */
  #toRemove: readonly ItemId[] = [];
  #failures = 0;
  #failingSinceMs = 0;
  #nextTryMs = 0;

  constructor(deps: EngineDeps, partition: PartitionState, hooks: QueueHooks, targets: DeadLetterTargets) {
    this.#deps = deps;
    this.#partition = partition;
    this.#hooks = hooks;
    this.#targets = targets;
  }

  /** Milliseconds until the next attempt; undefined when nothing is left to do. */
  get dueInMs(): number | undefined {
    const nowMs = this.#nowMs();
    if (this.#hasClaims) return this.#nextTryMs - nowMs;
    return this.#surplus.size > 0 ? Math.max(this.#nextTryMs, ...this.#surplus.values()) - nowMs : undefined;
  }

  /**
   * How long the next sweep claims dead items for. While moves fail, a claim
   * lasts as long as they have failed. Each claim rewrites all dead items, and
   * there may be a million.
   */
  get claimMs(): number {
    if (this.#failures === 0) return SHORTEST_CLAIM_MS;
    const failingMs = this.#nowMs() - this.#failingSinceMs;
    return Math.min(Math.max(failingMs, SHORTEST_CLAIM_MS), LONGEST_CLAIM_MS);
  }

  /** Ends the back-off, because the cause of the failures may be gone. */
  runNow(): void {
    this.#nextTryMs = 0;
  }

  /** Forgets the claimed items, because an operator may have removed them. A sweep finds the rest. */
  forgetClaimed(): void {
    this.#claimed = [];
  }

  /** Continues what earlier attempts left. Call it before each sweep. Never rejects. */
  async resume(): Promise<void> {
    await this.#remove();
    const nowMs = this.#nowMs();
    if (nowMs > this.#claimsEndMs) {
      this.#claimed = [];
      this.#marked = [];
      this.#perhapsMarked.clear();
      this.#inDoubt.clear();
    }
    if ((this.dueInMs ?? 1) <= 0) await this.#move();
  }

  /**
   * Moves the items that a sweep has just claimed. Never rejects.
   *
   * @param askedAtMs when the sweep was sent. The claim did not begin earlier. The
   *   process may be suspended before it reads the answer.
   */
  async moveDead({ dead, moved }: Pick<SweepResult, 'dead' | 'moved'>, askedAtMs: number): Promise<void> {
    if (dead.length + moved.length === 0) return;
    const nowMs = this.#nowMs();
    // Keeps one batch for its next attempt. Items that died since wait for the end of their claim.
    if (this.#hasClaims) return;
    this.#claimsEndMs = askedAtMs + USE_MS;
    if (nowMs > this.#claimsEndMs) return;
    this.#claimed = dead;
    this.#marked = moved;
    if (nowMs >= this.#nextTryMs) await this.#move();
  }

  get #hasClaims(): boolean {
    return this.#claimed.length + this.#marked.length > 0;
  }

  async #move(): Promise<void> {
    const { deadQueue } = this.#hooks.queue();
    if (deadQueue === '') return this.#delete();
    const notPrepared = await this.#prepare(deadQueue);
    const notCommitted = await this.#commit(deadQueue);
    await this.#remove();
    const notAborted = await this.#abort(deadQueue);
    this.#attempted(deadQueue, notPrepared ?? notCommitted ?? notAborted);
  }

  /** Deletes dead items, because the queue lost its dead-letter queue after the sweep. */
  async #delete(): Promise<void> {
    const { queue, partition } = this.#where;
    const ids = [...this.#claimed.map(({ id }) => id), ...this.#marked];
    if (ids.length > 0) {
      logDeleted(this.#deps.logger, { queue, partition, items: ids.length });
      this.#deps.observer.items(queue, 'deleted', ids.length);
    }
    this.#claimed = [];
    this.#marked = [];
    this.#surplus.clear();
    this.#toRemove = [...this.#toRemove, ...ids];
    this.#failures = 0;
    await this.#remove();
  }

  /** @returns why some letters are not prepared. */
  async #prepare(deadQueue: string): Promise<unknown> {
    const items = this.#claimed;
    if (items.length === 0) return undefined;
    const queueCreatedAt = this.#hooks.queue().createdAt;
    const { ids, error, inDoubt } = await stepOf(
      this.#targets.prepare(deadQueue, items, { ...this.#where, queueCreatedAt }),
    );
    for (const id of inDoubt) this.#inDoubt.set(id, this.#nowMs() + DOUBT_MS);
    if (ids.length > 0) await this.#mark(ids);
    return error;
  }

  /** If it fails, the partition is out of service, and the sweep at its return continues here. */
  async #mark(ids: readonly ItemId[]): Promise<void> {
    let result: MarkResult;
    try {
      result = await this.#partition.store.markMoved(ids);
    } catch (error) {
      for (const id of ids) this.#perhapsMarked.add(id);
      this.#hooks.failed(this.#partition, error);
      return;
    }
    const own = [...result.marked, ...result.markedBefore.filter((id) => this.#perhapsMarked.has(id))];
    const isOwn = new Set(own);
    const isPrepared = new Set(ids);
    this.#claimed = this.#claimed.filter(({ id }) => !isPrepared.has(id));
    for (const id of ids) this.#perhapsMarked.delete(id);
    this.#marked = [...this.#marked, ...own];
    const isThere = new Set(result.markedBefore);
    const others = ids.filter((id) => !isOwn.has(id));
    this.#checkLater(others.filter((id) => isThere.has(id)));
    // Without delay: this process may end soon, and no other knows of these letters.
    this.#checkLater(
      others.filter((id) => !isThere.has(id)),
      0,
    );
  }

  /** @returns why some letters are not committed. */
  async #commit(deadQueue: string): Promise<unknown> {
    const marked = this.#marked;
    if (marked.length === 0) return undefined;
    const { ids, error } = await stepOf(this.#targets.commit(deadQueue, marked));
    const isCommitted = new Set(ids);
    this.#marked = this.#marked.filter((id) => !isCommitted.has(id));
    this.#toRemove = [...this.#toRemove, ...ids];
    this.#deps.observer.items(this.#where.queue, 'dead_lettered', ids.length);
    return error;
  }

  /** @returns why some letters are not aborted. */
  async #abort(deadQueue: string): Promise<unknown> {
    const nowMs = this.#nowMs();
    const surplus = [...this.#surplus].filter(([, fromMs]) => fromMs <= nowMs).map(([id]) => id);
    if (surplus.length === 0) return undefined;
    let stillThere: readonly ItemId[];
    try {
      stillThere = (await this.#partition.store.markMoved(surplus)).markedBefore;
    } catch (error) {
      this.#hooks.failed(this.#partition, error);
      return undefined;
    }
    // The process that marked these commits their letters, or a process that finds the items after its end.
    for (const id of stillThere) this.#surplus.set(id, nowMs + DOUBT_MS);
    const isThere = new Set(stillThere);
    const gone = surplus.filter((id) => !isThere.has(id));
    if (gone.length === 0) return undefined;
    const { ids, error } = await stepOf(this.#targets.abort(deadQueue, gone));
    for (const id of ids) this.#surplus.delete(id);
    return error;
  }

  /** Determines the time of the next attempt. */
  #attempted(deadQueue: string, error: unknown): void {
    if (error === undefined) {
      this.#failures = 0;
      return;
    }
    if (this.#failures === 0) this.#failingSinceMs = this.#nowMs();
    this.#failures++;
    this.#nextTryMs = this.#nowMs() + backOffMs(this.#failures);
    const { logger } = this.#deps;
    const items = this.#claimed.length + this.#marked.length;
    const fields = { ...this.#where, deadQueue, items, failures: this.#failures, err: error };
    if (isStopping(error))
      logger.debug('dead items stay, because their dead-letter queue stops in this process', fields);
    else
      logger.error(
        'items could not be moved to the dead-letter queue; they stay, and are tried again',
        fields,
      );
  }

  /** If it fails, the partition is out of service, and the sweep at its return comes here first. */
  async #remove(): Promise<void> {
    const ids = this.#toRemove;
    if (ids.length === 0) return;
    try {
      await this.#partition.store.remove(ids);
      this.#toRemove = this.#toRemove.slice(ids.length);
      this.#checkLater(ids.filter((id) => this.#inDoubt.has(id)));
    } catch (error) {
      this.#hooks.failed(this.#partition, error);
    }
  }

  /** Checks for letters to abort once no call can prepare them any more. */
  #checkLater(ids: readonly ItemId[], inMs = DOUBT_MS): void {
    const fromMs = this.#nowMs() + inMs;
    for (const id of ids) {
      this.#surplus.set(id, this.#inDoubt.get(id) ?? fromMs);
      this.#inDoubt.delete(id);
    }
  }

  get #where() {
    return { queue: this.#hooks.queue().name, partition: this.#partition.number };
  }

  #nowMs(): number {
    return Number(this.#deps.clock.now()) / 1_000;
  }
}

/** Whether the dead-letter queue stops in this process, as at shutdown. The items stay for the next process. */
function isStopping(error: unknown): boolean {
  return error instanceof QueueError && error.code === 'failed';
}

/** A step that failed as a whole: no item took it. */
async function stepOf(step: Promise<Step>): Promise<Step> {
  try {
    return await step;
  } catch (error) {
    return { ids: [], error, inDoubt: [] };
  }
}

import {
  type Duration,
  type ItemId,
  milliseconds,
  StorageError,
  type StoredItem,
  toMilliseconds,
} from '@querator/core';
import type { EngineDeps } from '../engine-options.ts';
import type { Lane } from '../partition/partition-state.ts';
import type { QueueHooks } from '../partition/queue-hooks.ts';
import type { InFlight } from '../waiting/in-flight.ts';
import { deadLetter, deadLetterPartition, type Step } from './dead-letter.ts';

/**
 * A queue as the dead-letter queue of others: takes their dead items in. Where
 * one of its partitions fails the others take theirs.
 */
export class IncomingLetters {
  readonly #deps: EngineDeps;
  readonly #lanes: readonly Lane[];
  readonly #hooks: QueueHooks;
  readonly #direct: InFlight;

  /** @param direct counts the calls, so that the queue can wait for them at its end. */
  constructor(deps: EngineDeps, lanes: readonly Lane[], hooks: QueueHooks, direct: InFlight) {
    this.#deps = deps;
    this.#lanes = lanes;
    this.#hooks = hooks;
    this.#direct = direct;
  }

  /** Stores them, offered to nobody yet. */
  hold(items: readonly StoredItem[]): Promise<Step> {
    const { expireTimeout } = this.#hooks.queue();
    const timeouts = { expireTimeout, autoCommitTimeout: this.#autoCommitTimeout(expireTimeout) };
    return this.#share(
      items,
      ({ id }) => id,
      (lane, share) => lane.store.prepareLetters(share.map(deadLetter), timeouts),
    );
  }

  /** Makes prepared letters available. */
  deliver(ids: readonly ItemId[]): Promise<Step> {
    return this.#share(ids, itself, async (lane, share) => {
      const waiting = await lane.store.commitLetters(share);
      this.#hooks.stored(lane, { waiting });
    });
  }

  /** Takes prepared letters back. */
  withdraw(ids: readonly ItemId[]): Promise<Step> {
    return this.#share(ids, itself, (lane, share) => lane.store.abortLetters(share));
  }

  /** A letter that nobody delivers must still have time to be found when its hold has ended. */
  #autoCommitTimeout(expireTimeout: Duration): Duration {
    return milliseconds(Math.min(this.#deps.limits.letterAutoCommitMs, toMilliseconds(expireTimeout) / 2));
  }

  async #share<T>(
    all: readonly T[],
    idOf: (each: T) => ItemId,
    take: (lane: Lane, share: readonly T[]) => Promise<unknown>,
  ): Promise<Step> {
    const byPartition = Map.groupBy(all, (each) => deadLetterPartition(idOf(each), this.#lanes.length));
    const shares = await Promise.all(
      [...byPartition].map(async ([index, share]): Promise<Step> => {
        const ids = share.map(idOf);
        try {
          await this.#direct.run(() => take(this.#lanes[index] as Lane, share));
          return { ids, inDoubt: [] };
        } catch (error) {
          const isUnknown = error instanceof StorageError && error.outcome === 'unknown';
          return { ids: [], error, inDoubt: isUnknown ? ids : [] };
        }
      }),
    );
    return {
      ids: shares.flatMap(({ ids }) => ids),
      error: shares.find(({ error }) => error !== undefined)?.error,
      inDoubt: shares.flatMap(({ inDoubt }) => inDoubt),
    };
  }
}

function itself(id: ItemId): ItemId {
  return id;
}

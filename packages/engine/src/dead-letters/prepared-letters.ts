import {
  type Duration,
  type ItemId,
  milliseconds,
  type RunningWork,
  StorageError,
  type StoredItem,
  toMilliseconds,
} from '@querator/core';
import type { EngineDeps, EngineLimits } from '../engine-deps.ts';
import type { PartitionState } from '../partition/partition-state.ts';
import type { QueueHooks } from '../partition/queue-hooks.ts';
import { spreadOf } from '../partition/queue-spread.ts';
import { type DeathPlace, deadLetter, deadLetterPartition, type Step } from './dead-letter.ts';

/**
 * A queue as the dead-letter queue of others: takes in their dead items. If one
 * of its partitions fails, the others still take theirs.
 */
export class PreparedLetters {
  readonly #deps: EngineDeps;
  readonly #partitions: readonly PartitionState[];
  readonly #hooks: QueueHooks;
  readonly #calls: RunningWork;

  /** @param calls counts the storage calls, so that the queue's stop waits for them. */
  constructor(
    deps: EngineDeps,
    partitions: readonly PartitionState[],
    hooks: QueueHooks,
    calls: RunningWork,
  ) {
    this.#deps = deps;
    this.#partitions = partitions;
    this.#hooks = hooks;
    this.#calls = calls;
  }

  /** Stores letters that no consumer is offered yet. */
  prepare(items: readonly StoredItem[], from: DeathPlace): Promise<Step> {
    const { expireTimeout } = this.#hooks.queue();
    const timeouts = {
      expireTimeout,
      autoCommitTimeout: autoCommitTimeoutOf(expireTimeout, this.#deps.limits),
    };
    return this.#byPartition(
      items,
      ({ id }) => id,
      (partition, share) =>
        partition.store.prepareLetters(
          share.map((item) => deadLetter(item, from)),
          timeouts,
        ),
    );
  }

  /** Makes prepared letters available. */
  commit(ids: readonly ItemId[]): Promise<Step> {
    return this.#byPartition(ids, itself, async (partition, share) => {
      const waiting = await partition.store.commitLetters(share);
      this.#hooks.stored(partition, { waiting });
    });
  }

  /** Removes prepared letters. */
  abort(ids: readonly ItemId[]): Promise<Step> {
    return this.#byPartition(ids, itself, (partition, share) => partition.store.abortLetters(share));
  }

  async #byPartition<T>(
    all: readonly T[],
    idOf: (each: T) => ItemId,
    take: (partition: PartitionState, share: readonly T[]) => Promise<unknown>,
  ): Promise<Step> {
    const spread = spreadOf(this.#hooks.queue());
    const byPartition = Map.groupBy(all, (each) => deadLetterPartition(idOf(each), spread));
    const shares = await Promise.all(
      [...byPartition].map(async ([index, share]): Promise<Step> => {
        const ids = share.map(idOf);
        try {
          await this.#calls.run(() => take(this.#partitions[index] as PartitionState, share));
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

/** Leaves a letter half of its time in the queue, in case only the timeout commits it. */
export function autoCommitTimeoutOf(
  expireTimeout: Duration,
  { letterAutoCommitMs }: Pick<EngineLimits, 'letterAutoCommitMs'>,
): Duration {
  return milliseconds(Math.min(letterAutoCommitMs, toMilliseconds(expireTimeout) / 2));
}

function itself(id: ItemId): ItemId {
  return id;
}

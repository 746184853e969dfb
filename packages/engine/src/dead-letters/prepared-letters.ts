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
import { type DeathPlace, deadLetter, deadLetterPartition, letterPlaces, type Step } from './dead-letter.ts';

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

  /** Stores letters that no consumer is offered yet. Those that are prepared in an earlier partition stay there. */
  async prepare(items: readonly StoredItem[], from: DeathPlace): Promise<Step> {
    const { expireTimeout } = this.#hooks.queue();
    const timeouts = {
      expireTimeout,
      autoCommitTimeout: autoCommitTimeoutOf(expireTimeout, this.#deps.limits),
    };
    const earlier = await this.#findEarlier(items.map(({ id }) => id));
    const fresh = items.filter(({ id }) => !earlier.at.has(id) && !earlier.failed.has(id));
    const prepared = await this.#byPartition(
      fresh,
      ({ id }) => this.#placeOf(id),
      ({ id }) => id,
      (partition, share) =>
        partition.store.prepareLetters(
          share.map((item) => deadLetter(item, from)),
          timeouts,
        ),
    );
    return {
      ...prepared,
      ids: [...earlier.at.keys(), ...prepared.ids],
      error: prepared.error ?? earlier.error,
    };
  }

  /** Makes prepared letters available. */
  async commit(ids: readonly ItemId[]): Promise<Step> {
    const earlier = await this.#findEarlier(ids);
    // A process with old settings may have prepared another one. One of them has to go first.
    const doubled = await this.#abortNew([...earlier.at.keys()]);
    const going = ids.filter(
      (id) => !earlier.failed.has(id) && (!earlier.at.has(id) || doubled.ids.includes(id)),
    );
    const committed = await this.#byPartition(
      going,
      (id) => earlier.at.get(id) ?? this.#placeOf(id),
      itself,
      async (partition, share) => {
        const waiting = await partition.store.commitLetters(share);
        this.#hooks.stored(partition, { waiting });
      },
    );
    return { ...committed, error: committed.error ?? doubled.error ?? earlier.error };
  }

  /** Removes prepared letters. */
  async abort(ids: readonly ItemId[]): Promise<Step> {
    const earlier = await this.#findEarlier(ids);
    const there = await this.#byPartition(
      [...earlier.at.keys()],
      (id) => earlier.at.get(id) as number,
      itself,
      (partition, share) => partition.store.abortLetters(share),
    );
    const going = ids.filter(
      (id) => !earlier.failed.has(id) && (!earlier.at.has(id) || there.ids.includes(id)),
    );
    const aborted = await this.#abortNew(going);
    return { ...aborted, error: aborted.error ?? there.error ?? earlier.error };
  }

  #abortNew(ids: readonly ItemId[]): Promise<Step> {
    return this.#byPartition(
      ids,
      (id) => this.#placeOf(id),
      itself,
      (partition, share) => partition.store.abortLetters(share),
    );
  }

  /** The partition that takes a letter. */
  #placeOf(id: ItemId): number {
    return deadLetterPartition(id, spreadOf(this.#hooks.queue()));
  }

  /**
   * Finds prepared letters in the partitions that took them before the queue lost some. A partition leaves only when
   * it holds none.
   */
  async #findEarlier(ids: readonly ItemId[]): Promise<EarlierLetters> {
    const at = new Map<ItemId, number>();
    const failed = new Set<ItemId>();
    const spread = spreadOf(this.#hooks.queue());
    if (spread.length === 1) return { at, failed, error: undefined };
    const shares = new Map<number, ItemId[]>();
    for (const id of ids) {
      for (const place of letterPlaces(id, spread)[0]) {
        if (this.#partitions[place] !== undefined) shares.set(place, [...(shares.get(place) ?? []), id]);
      }
    }
    let error: unknown;
    const finds = [...shares].map(async ([place, share]) => {
      try {
        const found = await this.#calls.run(async () => this.#partitions[place]?.store.findLetters?.(share));
        for (const id of found ?? []) at.set(id, Math.min(place, at.get(id) ?? place));
      } catch (reason) {
        error = reason;
        for (const id of share) failed.add(id);
      }
    });
    await Promise.all(finds);
    for (const id of failed) at.delete(id);
    return { at, failed, error };
  }

  async #byPartition<T>(
    all: readonly T[],
    placeOf: (each: T) => number,
    idOf: (each: T) => ItemId,
    take: (partition: PartitionState, share: readonly T[]) => Promise<unknown>,
  ): Promise<Step> {
    const byPartition = Map.groupBy(all, placeOf);
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

/** Letters that were prepared in partitions which take them no longer. */
interface EarlierLetters {
  /** The partition of each. */
  readonly at: ReadonlyMap<ItemId, number>;
  /** Those of which it is not known. */
  readonly failed: ReadonlySet<ItemId>;
  readonly error: unknown;
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

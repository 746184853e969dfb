import {
  invariant,
  MESSAGES,
  type MovedRows,
  type NewItem,
  type OutboxMove,
  StorageError,
  storageFailed,
  unavailable,
} from '@querator/core';
import type { PartitionOrder } from '@querator/router';
import type { EngineObserver } from '../observer.ts';
import type { PartitionState } from '../partition/partition-state.ts';
import type { QueueHooks } from '../partition/queue-hooks.ts';
import type { ActivePartition } from './active-partition.ts';
import type { QueuePauses } from './queue-pauses.ts';

export interface OutboxProducesDeps {
  readonly observer: EngineObserver;
  readonly hooks: Pick<QueueHooks, 'stored' | 'queue'>;
  readonly order: PartitionOrder<PartitionState>;
  readonly partitions: readonly ActivePartition[];
  readonly pauses: Pick<QueuePauses, 'checkProduce'>;
  /** Runs a storage call, unless the queue stops. */
  readonly run: <T>(produce: () => Promise<T>) => Promise<T>;
}

/** Produces the items of rows in an outbox that is in the same database, in the transaction that removes the rows. */
export class OutboxProduces {
  readonly #deps: OutboxProducesDeps;

  constructor(deps: OutboxProducesDeps) {
    this.#deps = deps;
  }

  /** Whether all partitions are on these storages. */
  areOn(storages: ReadonlySet<string>): boolean {
    return this.#deps.partitions.every(
      ({ state }) => storages.has(state.storageName) && state.store.produceFromOutbox !== undefined,
    );
  }

  /**
   * Moves rows to the least loaded partition.
   *
   * @returns undefined if the rows have moved or were removed meanwhile. Nothing has changed then.
   * @throws QueueError `retry` if no partition is in service, or the storage fails; `failed` once the queue stops.
   */
  async produce(items: readonly NewItem[], move: OutboxMove): Promise<MovedRows | undefined> {
    this.#deps.pauses.checkProduce();
    return this.#deps.run(() => this.#produce(items, move));
  }

  async #produce(items: readonly NewItem[], move: OutboxMove): Promise<MovedRows | undefined> {
    const { order, hooks, observer } = this.#deps;
    const state = order.leastLoaded(({ leaves }) => !leaves);
    if (state === undefined) throw unavailable('retry', MESSAGES.produceTimedOut);
    const outcome = await this.#store(state, items, move);
    if (outcome === undefined) return undefined;
    if (!outcome.ok) throw outcome.error;
    const { waiting, scheduled } = outcome.value;
    observer.items(hooks.queue().name, 'produced', waiting + scheduled);
    observer.batch('produce', { requests: 1, items: waiting + scheduled });
    hooks.stored(state, { waiting, scheduled: scheduled > 0 });
    return outcome.value;
  }

  async #store(state: PartitionState, items: readonly NewItem[], move: OutboxMove) {
    const { store } = state;
    invariant(store.produceFromOutbox !== undefined, 'rows of an outbox go to a storage that can take them');
    state.promise(items.length);
    try {
      return await store.produceFromOutbox(items, move, this.#deps.hooks.queue().expireTimeout);
    } catch (error) {
      // The fault may be one of the outbox, so the partition is judged by itself.
      await this.#deps.partitions.find((each) => each.state === state)?.recovery.probe();
      throw storageFailed(error, messageOf(error));
    } finally {
      state.promiseEnded(items.length);
    }
  }
}

function messageOf(error: unknown): string {
  const isCertain = error instanceof StorageError && error.outcome === 'not-applied';
  return isCertain ? MESSAGES.produceTimedOut : MESSAGES.produceOutcomeUnknown;
}

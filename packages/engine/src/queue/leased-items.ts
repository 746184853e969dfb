import {
  errorText,
  type Instant,
  invariant,
  noSuchItem,
  type Outcome,
  overloaded,
  type Queue,
  type RetriedItem,
  type RetryResult,
  toMilliseconds,
  unavailable,
} from '@querator/core';
import { logDeleted } from '../dead-letters/log-deleted.ts';
import type { EngineDeps } from '../engine-deps.ts';
import { EachOutcome } from '../loops/each-item.ts';
import type { Buffered } from '../loops/group-commit.ts';
import type { PartitionState } from '../partition/partition-state.ts';
import type { Arrival } from '../partition/queue-hooks.ts';
import type { RequestTrace } from '../tracer.ts';
import type { ActivePartition, ExtendRequest } from './active-partition.ts';
import type { HandlingTimes } from './handling-times.ts';

export interface LeasedItemsDeps {
  readonly engine: EngineDeps;
  readonly queue: () => Queue;
  /** @throws QueueError `invalid` when there is no such partition. */
  readonly partition: (number: number) => ActivePartition;
  /** Called after items were stored as waiting or scheduled. */
  readonly stored: (partition: PartitionState, arrival: Arrival) => void;
  readonly handling: HandlingTimes;
  /** Runs a storage call, for which the stop of the queue waits. */
  readonly call: <T>(call: () => Promise<T>) => Promise<T>;
}

/**
 * What consumers do with the items that they have leased from a queue.
 *
 * All methods throw a QueueError: `invalid` when there is no such partition,
 * `retry` when it is failing or overloaded, and when storage fails.
 */
export class LeasedItems {
  readonly #deps: LeasedItemsDeps;

  constructor(deps: LeasedItemsDeps) {
    this.#deps = deps;
  }

  /** Removes the items, all or none. @throws QueueError also `invalid` for the first bad id. */
  async complete(partition: number, ids: readonly string[], trace?: RequestTrace): Promise<void> {
    const { completes } = this.#available(partition, ({ completes }) => completes);
    await completes.submit({ ids }, trace);
    const { handling } = this.#deps;
    if (handling.isOn) handling.completed(ids);
  }

  /** Removes items, each by itself. @returns the outcomes, in the order of the ids. */
  async completeEach(
    partition: number,
    ids: readonly string[],
    trace?: RequestTrace,
  ): Promise<readonly Outcome<void>[]> {
    const { completes } = this.#available(partition, ({ completes }) => completes);
    const each = ids.map((id) => ({ ids: [id] }));
    const outcomes = outcomesOf(await completes.submit({ ids, each }, trace));
    const { handling } = this.#deps;
    if (handling.isOn) handling.completed(ids.filter((_, n) => outcomes[n]?.ok === true));
    return outcomes;
  }

  /** Gives the items back, all or none. @throws QueueError also `invalid` for the first bad id. */
  async retry(partition: number, items: readonly RetriedItem[], trace?: RequestTrace): Promise<void> {
    const active = this.#available(partition, ({ retries }) => retries);
    const result = await active.retries.submit({ items }, trace);
    invariant(!(result instanceof EachOutcome), 'the request was not divided');
    await this.#retried(active, result);
  }

  /** Gives items back, each by itself. @returns the outcomes, in the order of the items. */
  async retryEach(
    partition: number,
    items: readonly RetriedItem[],
    trace?: RequestTrace,
  ): Promise<readonly Outcome<RetryResult>[]> {
    const active = this.#available(partition, ({ retries }) => retries);
    const each = items.map((item) => ({ items: [item] }));
    const outcomes = outcomesOf(await active.retries.submit({ items, each }, trace));
    const total = { waiting: 0, scheduled: 0, moving: 0, deleted: 0 };
    for (const outcome of outcomes) {
      if (!outcome.ok) continue;
      total.waiting += outcome.value.waiting;
      total.scheduled += outcome.value.scheduled;
      total.moving += outcome.value.moving;
      total.deleted += outcome.value.deleted;
    }
    await this.#retried(active, total);
    return outcomes;
  }

  /**
   * Gives items a new lease deadline, each by itself.
   *
   * @returns the new deadlines, or why there is none.
   * @throws QueueError also `failed` when the storage cannot extend leases.
   */
  async extend(
    partition: number,
    request: ExtendRequest,
    trace?: RequestTrace,
  ): Promise<readonly Outcome<Instant>[]> {
    const { extensions, sweeper } = this.#available(partition, ({ extensions }) => extensions);
    const outcomes = await extensions.submit(request, trace);
    // The new deadline may be earlier than the one for which the sweeper waits.
    sweeper.dueIn(toMilliseconds(request.leaseTimeout));
    return outcomes;
  }

  /**
   * Removes items in whatever state, each by itself.
   *
   * @throws QueueError also `failed` when the storage cannot tell which items it removed.
   */
  async deleteEach(partition: number, ids: readonly string[]): Promise<readonly Outcome<void>[]> {
    const { state, sweeper } = this.#deps.partition(partition);
    const { deleteEach } = state.store;
    if (deleteEach === undefined) throw CANNOT_TELL;
    const removed = new Set(await this.#deps.call(() => deleteEach.call(state.store, ids)));
    sweeper.itemsRemoved();
    return ids.map((id) =>
      removed.has(id) ? { ok: true, value: undefined } : { ok: false, error: noSuchItem(id) },
    );
  }

  /** Reports what a retry did. */
  async #retried(
    { state, sweeper }: ActivePartition,
    { waiting, scheduled, moving, deleted }: RetryResult,
  ): Promise<void> {
    const { engine, queue, stored } = this.#deps;
    const partition = state.number;
    if (deleted > 0) logDeleted(engine.logger, { queue: queue().name, partition, items: deleted });
    stored(state, { waiting, scheduled: scheduled > 0 });
    // The items are safe without it, but the consumer may read the dead-letter queue next.
    if (moving > 0) await sweeper.sweepBriefly();
    // The lease may have outlived the item's time in the queue.
    else if (waiting > 0) sweeper.dueIn(0);
  }

  #available(
    partition: number,
    bufferOf: (partition: ActivePartition) => { readonly buffered: Buffered },
  ): ActivePartition {
    const active = this.#deps.partition(partition);
    const { itemsBuffered, requestsBuffered } = this.#deps.engine.limits;
    const { items, requests } = bufferOf(active).buffered;
    if (items >= itemsBuffered || requests >= requestsBuffered) throw overloaded();
    if (!active.state.healthy) {
      throw unavailable(
        'retry',
        errorText`partition not available; partition '${partition}' is failing, retry again`,
      );
    }
    return active;
  }
}

const CANNOT_TELL = unavailable(
  'failed',
  'items cannot be deleted by themselves; the storage of the partition has no such call',
);

function outcomesOf<Result>(answer: Result | EachOutcome<Result>): readonly Outcome<Result>[] {
  invariant(answer instanceof EachOutcome, 'a divided request has an outcome for each item');
  return answer.outcomes;
}

import {
  type ErrorReason,
  type ItemId,
  invariant,
  type LeasedItem,
  MESSAGES,
  type NewItem,
  newItemBytes,
  type Outcome,
  overloaded,
  type ProduceRequest,
  type ProduceResult,
  QueueError,
  StorageError,
  unavailable,
} from '@querator/core';
import type { PartitionOrder } from '@querator/router';
import type { EngineDeps } from '../engine-deps.ts';
import type { PartitionState } from '../partition/partition-state.ts';
import type { QueueHooks } from '../partition/queue-hooks.ts';
import { beginStatement } from '../tracer.ts';
import { PendingRequest, type WaitOptions } from '../waiting/pending-request.ts';
import type { Reservation } from './lease-loop.ts';
import { StatementsInFlight } from './statements-in-flight.ts';

/** Where the items of a request were stored, and under which ids. */
export interface Produced {
  readonly partition: number;
  /** In the order of the request. */
  readonly ids: readonly ItemId[];
}

interface PendingProduce extends ProduceRequest {
  /** Answered with nothing unless the request asks for the ids. */
  readonly pending: PendingRequest<Produced | undefined>;
  /** Payload bytes, which limit statements. */
  readonly bytes: number;
  /** Bytes of payloads and texts, which limit the buffer. */
  readonly contentBytes: number;
  /** Bytes taken from the budget of the process. */
  readonly heldBytes: number;
  /** Whether any of the items is scheduled. */
  readonly isScheduled: boolean;
  /** Whether it is in flight. Then only storage knows whether it took effect. */
  sent: boolean;
}

/** What an item takes besides its content, in bytes, as the budget of the process counts it. */
export const BYTES_PER_ITEM = 200;

interface Batch {
  readonly requests: PendingProduce[];
  items: number;
  bytes: number;
  reservation?: Reservation | undefined;
}

export interface ProduceLoopDeps {
  readonly order: PartitionOrder<PartitionState>;
  /** Reserves consumers that wait for items, if there are any; see `LeaseLoop.reserve`. */
  readonly reserve: (partition: PartitionState, items: number) => Reservation | undefined;
}

/**
 * Stores produced items. Requests collect while their partition is busy, and
 * go to it together (group commit). Each request goes, as a whole, to the least
 * loaded free partition. Requests that a partition certainly did not store go
 * to another one, until their time is up.
 */
export class ProduceLoop {
  readonly #deps: EngineDeps;
  readonly #order: PartitionOrder<PartitionState>;
  readonly #reserve: ProduceLoopDeps['reserve'];
  readonly #hooks: QueueHooks;
  /** Requests without a partition yet, in order of arrival. */
  #unsent: PendingProduce[] = [];
  #unsentItems = 0;
  #unsentContentBytes = 0;
  readonly #statements: StatementsInFlight;
  #requestsInFlight = 0;
  #cycleScheduled = false;
  /** The answer to requests that return unstored after the stop. Undefined while the loop runs. */
  #stopped: QueueError | undefined;

  constructor(deps: EngineDeps, { order, reserve }: ProduceLoopDeps, hooks: QueueHooks) {
    this.#deps = deps;
    this.#order = order;
    this.#reserve = reserve;
    this.#hooks = hooks;
    this.#statements = new StatementsInFlight(deps.clock, deps.limits);
  }

  /** Requests that are not answered yet. */
  get size(): number {
    return this.#unsent.length + this.#requestsInFlight;
  }

  /**
   * Stores the items of one request.
   *
   * @param returnIds whether to answer with their ids.
   * @throws QueueError `retry` when the buffer or the budget of the process is
   *   full, when the items were not stored in time, or when the outcome is unknown.
   */
  produce(
    items: readonly NewItem[],
    options: WaitOptions,
    returnIds: boolean,
  ): Promise<Produced | undefined> {
    if (this.#isOverloaded()) throw overloaded();
    const sizes = { bytes: 0, contentBytes: 0 };
    let isScheduled = false;
    for (const item of items) {
      sizes.bytes += item.payload.length;
      sizes.contentBytes += newItemBytes(item);
      isScheduled ||= item.enqueueAt !== undefined;
    }
    const heldBytes = sizes.contentBytes + items.length * BYTES_PER_ITEM;
    if (this.#deps.itemBudget?.take(heldBytes) === false) throw overloaded();
    const pending = new PendingRequest<Produced | undefined>(
      this.#deps.clock,
      options,
      () => (request.sent ? outcomeUnknown() : unavailable('retry', MESSAGES.produceTimedOut)),
      () => this.#forget(request),
    );
    const request: PendingProduce = {
      items,
      returnIds,
      pending,
      ...sizes,
      heldBytes,
      isScheduled,
      sent: false,
    };
    if (pending.answered) this.#release(request);
    else this.#addUnsent([request]);
    this.wake();
    return pending.answer;
  }

  /** A partition became free, or came back into service. */
  wake(): void {
    if (this.#cycleScheduled || this.#unsent.length === 0) return;
    this.#cycleScheduled = true;
    // Requests that arrive in the same turn of the event loop share a statement.
    setImmediate(() => {
      this.#cycleScheduled = false;
      this.#cycle();
    });
  }

  /** Answers requests that were not sent with `error`, and waits for those in flight. */
  async stop(error: QueueError): Promise<void> {
    this.#stopped = error;
    for (const request of this.#takeUnsent(0, this.#unsent.length)) {
      this.#release(request);
      request.pending.reject(error);
    }
    await this.#statements.idle();
  }

  /** The buffer limits what waits for a busy or failing storage. Does not count what the next cycle takes. */
  #isOverloaded(): boolean {
    const { itemsBuffered, bytesBuffered, requestsBuffered } = this.#deps.limits;
    const isFull =
      this.#unsentItems >= itemsBuffered ||
      this.#unsentContentBytes >= bytesBuffered ||
      this.#unsent.length >= requestsBuffered;
    return (
      isFull &&
      this.#order.leastLoaded((partition) => !partition.leaves && !this.#statements.isFull(partition)) ===
        undefined
    );
  }

  /** Adds requests at the end, or with `first` at the front. */
  #addUnsent(requests: readonly PendingProduce[], first = false): void {
    if (first) this.#unsent.unshift(...requests);
    else this.#unsent.push(...requests);
    for (const { items, contentBytes } of requests) {
      this.#unsentItems += items.length;
      this.#unsentContentBytes += contentBytes;
    }
  }

  #takeUnsent(from: number, count: number): PendingProduce[] {
    const taken = this.#unsent.splice(from, count);
    for (const { items, contentBytes } of taken) {
      this.#unsentItems -= items.length;
      this.#unsentContentBytes -= contentBytes;
    }
    return taken;
  }

  #forget(request: PendingProduce): void {
    const at = this.#unsent.indexOf(request);
    if (at < 0) return;
    this.#takeUnsent(at, 1);
    this.#release(request);
  }

  /** Returns the bytes of a request to the budget. Call it once, when storage has the items or they are dropped. */
  #release({ heldBytes }: PendingProduce): void {
    this.#deps.itemBudget?.release(heldBytes);
  }

  #cycle(): void {
    const batches = new Map<PartitionState, Batch>();
    const { statementItems, statementBytes } = this.#deps.limits;
    const full = new Map<PartitionState, boolean>();
    const unsentItems = this.#unsentItems;
    const isFull = (partition: PartitionState) => {
      const known = full.get(partition) ?? this.#statements.isFullFor(unsentItems, partition);
      full.set(partition, known);
      return known;
    };
    const hasRoom = (partition: PartitionState) => {
      const batch = batches.get(partition);
      return (
        !partition.leaves &&
        !isFull(partition) &&
        (batch === undefined || (batch.items < statementItems && batch.bytes < statementBytes))
      );
    };
    let assigned = 0;
    for (const request of this.#unsent) {
      if (request.pending.isOver()) {
        this.#release(request);
        assigned++;
        continue;
      }
      const partition = this.#order.leastLoaded(hasRoom);
      if (partition === undefined) break;
      const batch = batches.get(partition) ?? { requests: [], items: 0, bytes: 0 };
      batches.set(partition, batch);
      batch.requests.push(request);
      batch.items += request.items.length;
      batch.bytes += request.bytes;
      partition.promise(request.items.length);
      assigned++;
    }
    this.#takeUnsent(0, assigned);
    // The end of a statement starts the next cycle. Its time is unknown when none is in flight or one is slow.
    if (this.#statements.anySlow || (!this.#statements.any && batches.size === 0)) this.#listenToUnsent();
    for (const [partition, batch] of batches) {
      const mayLease = partition.store.produceAndLease !== undefined && !batch.requests.some(isScheduled);
      if (mayLease) batch.reservation = this.#reserve(partition, batch.items);
      void this.#send(partition, batch);
    }
  }

  #listenToUnsent(): void {
    // `listen` removes requests whose callers are gone, so it works on a copy.
    for (const { pending } of [...this.#unsent]) pending.listen();
  }

  async #send(partition: PartitionState, batch: Batch): Promise<void> {
    const { requests, items } = batch;
    const statement = this.#statements.start(partition, { items }, () => this.#listenToUnsent());
    this.#requestsInFlight += requests.length;
    for (const request of requests) request.sent = true;
    const ended = this.#traced(partition, batch);
    try {
      const outcomes = await this.#store(partition, batch);
      ended?.(undefined);
      this.#stored(partition, batch, outcomes);
    } catch (error) {
      ended?.(error);
      this.#failed(partition, requests, items, error);
    } finally {
      this.#statements.end(statement);
      this.#requestsInFlight -= requests.length;
    }
    this.wake();
  }

  #traced(partition: PartitionState, { requests, items, reservation }: Batch) {
    const { tracer } = this.#deps;
    if (tracer === undefined) return undefined;
    const place = { operation: 'produce', queue: this.#hooks.queue().name, partition, items } as const;
    return beginStatement(tracer, place, requests, reservation?.consumers);
  }

  /** Waiting consumers receive items with the same statement, which saves each item its second write. */
  async #store(
    { store }: PartitionState,
    { requests, reservation }: Batch,
  ): Promise<readonly Outcome<ProduceResult>[]> {
    const { expireTimeout } = this.#hooks.queue();
    if (reservation === undefined || store.produceAndLease === undefined) {
      return store.produce(requests, expireTimeout);
    }
    let leased: readonly LeasedItem[] = [];
    try {
      const stored = await store.produceAndLease(requests, expireTimeout, reservation.batch);
      leased = stored.leased;
      return stored.outcomes;
    } finally {
      reservation.end(leased);
    }
  }

  #stored(
    partition: PartitionState,
    { requests, items }: Batch,
    outcomes: readonly Outcome<ProduceResult>[],
  ): void {
    invariant(outcomes.length === requests.length, 'a driver answers every request of a batch');
    let stored = 0;
    let waiting = 0;
    let scheduled = 0;
    requests.forEach((request, i) => {
      const { pending } = request;
      const outcome = outcomes[i] as Outcome<ProduceResult>;
      if (outcome.ok) {
        stored += request.items.length;
        waiting += outcome.value.waiting;
        scheduled += outcome.value.scheduled;
        const { ids } = outcome.value;
        pending.resolve(ids && { partition: partition.number, ids });
      } else {
        pending.reject(outcome.error);
      }
    });
    partition.promiseEnded(items);
    const { observer } = this.#deps;
    observer.items(this.#hooks.queue().name, 'produced', stored);
    observer.batch('produce', { requests: requests.length, items });
    this.#hooks.stored(partition, { waiting, scheduled: scheduled > 0 });
    for (const request of requests) this.#release(request);
  }

  #failed(
    partition: PartitionState,
    requests: readonly PendingProduce[],
    items: number,
    error: unknown,
  ): void {
    partition.promiseEnded(items);
    const certain = error instanceof StorageError && error.outcome === 'not-applied';
    if (certain && this.#stopped !== undefined) {
      for (const { pending } of requests) pending.reject(this.#stopped);
    } else if (certain) {
      for (const request of requests) request.sent = false;
      // At the front: they have waited longest.
      this.#addUnsent(
        requests.filter(({ pending }) => !pending.answered),
        true,
      );
    } else {
      for (const { pending } of requests) pending.reject(outcomeUnknown());
    }
    // Requests without an answer wait for another partition, and keep their bytes.
    for (const request of requests) if (request.pending.answered) this.#release(request);
    this.#hooks.failed(partition, error);
  }
}

function isScheduled(request: PendingProduce): boolean {
  return request.isScheduled;
}

/** The error for a produce of which only storage knows whether it took effect. */
export function outcomeUnknown(): QueueError {
  return new QueueError('retry', MESSAGES.produceOutcomeUnknown, {
    reason: 'outcome_unknown' satisfies ErrorReason,
  });
}

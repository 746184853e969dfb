import {
  contentBytes,
  invariant,
  type LeasedItem,
  MESSAGES,
  type NewItem,
  type Outcome,
  type ProduceRequest,
  type ProduceResult,
  QueueError,
  StorageError,
} from '@querator/core';
import type { PartitionOrder } from '@querator/router';
import type { EngineDeps } from '../engine-options.ts';
import type { Lane } from '../partition/partition-state.ts';
import type { QueueHooks } from '../partition/queue-hooks.ts';
import { type Patience, Waiter } from '../waiting/pending-request.ts';
import type { Reservation } from './lease-loop.ts';
import { StatementSlots } from './statements-in-flight.ts';

interface Produce extends ProduceRequest {
  readonly waiter: Waiter<void>;
  /** Payload bytes, which bound statements. */
  readonly bytes: number;
  /** Bytes of payloads and texts, which bound the buffer. */
  readonly contentBytes: number;
  /** Whether any of the items is for later. */
  readonly isScheduled: boolean;
  /** With storage right now: from here on, only storage can say whether it took effect. */
  sent: boolean;
}

/** What a loop knows of the partitions, and of the consumers at them. */
export interface ProduceSurroundings {
  readonly order: PartitionOrder<Lane>;
  /** Sets consumers aside who wait for items in a partition, if there are any. */
  readonly reserve: (lane: Lane, items: number) => Reservation | undefined;
}

/**
 * Stores produced items. Requests collect while their partition is busy and go
 * to it together (group commit); each goes, as a whole, to the least loaded of
 * the partitions that are free. What a partition certainly did not store goes
 * to another one, until the request's time is up.
 */
export class ProduceLoop {
  readonly #deps: EngineDeps;
  readonly #order: PartitionOrder<Lane>;
  readonly #reserve: ProduceSurroundings['reserve'];
  readonly #hooks: QueueHooks;
  /** Requests no partition has been given yet, in order of arrival. */
  #parked: Produce[] = [];
  /** What the parked requests hold. */
  #parkedItems = 0;
  #parkedContentBytes = 0;
  readonly #slots: StatementSlots;
  /** How many statements under way are slow. */
  #slow = 0;
  #inFlight = 0;
  #cycleScheduled = false;
  /** What requests are answered with that come back unstored after the end; absent while the loop runs. */
  #stopped: QueueError | undefined;
  #whenIdle: (() => void)[] = [];

  constructor(deps: EngineDeps, { order, reserve }: ProduceSurroundings, hooks: QueueHooks) {
    this.#deps = deps;
    this.#order = order;
    this.#reserve = reserve;
    this.#hooks = hooks;
    this.#slots = new StatementSlots(deps.clock, deps.limits);
  }

  /** Requests not answered yet. */
  get size(): number {
    return this.#parked.length + this.#inFlight;
  }

  /**
   * Stores the items of one request.
   *
   * @throws QueueError `retry` when the buffer is full, when the items could
   *   not be stored in time, or when it is unknown whether they were.
   */
  produce(items: readonly NewItem[], patience: Patience): Promise<void> {
    if (this.#isOverloaded()) throw new QueueError('retry', MESSAGES.overloaded);
    const sizes = { bytes: 0, contentBytes: 0 };
    let isScheduled = false;
    for (const item of items) {
      sizes.bytes += item.payload.length;
      sizes.contentBytes += contentBytes(item);
      isScheduled ||= item.enqueueAt !== undefined;
    }
    const waiter = new Waiter<void>(
      this.#deps.clock,
      patience,
      () => (request.sent ? outcomeUnknown() : new QueueError('retry', MESSAGES.produceTimedOut)),
      () => this.#forget(request),
    );
    const request: Produce = { items, waiter, ...sizes, isScheduled, sent: false };
    if (!waiter.answered) this.#park([request]);
    this.wake();
    return waiter.answer;
  }

  /** A partition became free, or came back into service. */
  wake(): void {
    if (this.#cycleScheduled || this.#parked.length === 0) return;
    this.#cycleScheduled = true;
    // Requests that arrive in the same turn of the event loop share a statement.
    setImmediate(() => {
      this.#cycleScheduled = false;
      this.#cycle();
    });
  }

  /** Answers everything that was not sent yet with `error`, and waits for the rest. */
  async stop(error: QueueError): Promise<void> {
    this.#stopped = error;
    for (const { waiter } of this.#unpark(0, this.#parked.length)) waiter.reject(error);
    if (this.#slots.any) await new Promise<void>((resolve) => this.#whenIdle.push(resolve));
  }

  /** The buffer bounds what waits for a busy or failing storage; what the next cycle takes is not waiting. */
  #isOverloaded(): boolean {
    const { itemsBuffered, bytesBuffered, requestsBuffered } = this.#deps.limits;
    const isFull =
      this.#parkedItems >= itemsBuffered ||
      this.#parkedContentBytes >= bytesBuffered ||
      this.#parked.length >= requestsBuffered;
    return isFull && this.#order.leastLoaded((lane) => !this.#slots.isFull(lane)) === undefined;
  }

  /** To the end of the line, or with `first` to its front. */
  #park(requests: readonly Produce[], first = false): void {
    if (first) this.#parked.unshift(...requests);
    else this.#parked.push(...requests);
    for (const { items, contentBytes } of requests) {
      this.#parkedItems += items.length;
      this.#parkedContentBytes += contentBytes;
    }
  }

  /** Takes so many requests out of the line. */
  #unpark(from: number, count: number): Produce[] {
    const taken = this.#parked.splice(from, count);
    for (const { items, contentBytes } of taken) {
      this.#parkedItems -= items.length;
      this.#parkedContentBytes -= contentBytes;
    }
    return taken;
  }

  #forget(request: Produce): void {
    const at = this.#parked.indexOf(request);
    if (at >= 0) this.#unpark(at, 1);
  }

  #cycle(): void {
    const batches = new Map<Lane, Batch>();
    const { statementItems, statementBytes } = this.#deps.limits;
    const full = new Map<Lane, boolean>();
    const parkedItems = this.#parkedItems;
    const isFull = (lane: Lane) => {
      const known = full.get(lane) ?? this.#slots.isFullFor(parkedItems, lane);
      full.set(lane, known);
      return known;
    };
    const hasRoom = (lane: Lane) => {
      const batch = batches.get(lane);
      return (
        !isFull(lane) &&
        (batch === undefined || (batch.items < statementItems && batch.bytes < statementBytes))
      );
    };
    let given = 0;
    for (const request of this.#parked) {
      if (request.waiter.isOver()) {
        given++;
        continue;
      }
      const lane = this.#order.leastLoaded(hasRoom);
      if (lane === undefined) break;
      const batch = batches.get(lane) ?? { requests: [], items: 0, bytes: 0 };
      batches.set(lane, batch);
      batch.requests.push(request);
      batch.items += request.items.length;
      batch.bytes += request.bytes;
      lane.promise(request.items.length);
      given++;
    }
    this.#unpark(0, given);
    // The next cycle comes when a statement ends; where none is under way, or one is slow, nobody knows when that will be.
    if (this.#slow > 0 || (!this.#slots.any && batches.size === 0)) this.#listenToParked();
    for (const [lane, batch] of batches) {
      const mayLease = lane.store.produceAndLease !== undefined && !batch.requests.some(isScheduled);
      if (mayLease) batch.reservation = this.#reserve(lane, batch.items);
      void this.#send(lane, batch);
    }
  }

  #listenToParked(): void {
    // Those that turn out to be gone are taken off the list meanwhile.
    for (const { waiter } of [...this.#parked]) waiter.listen();
  }

  async #send(lane: Lane, batch: Batch): Promise<void> {
    const { requests, items } = batch;
    const slot = this.#slots.take(lane, items);
    let isSlow = false;
    const cancelSlow = this.#deps.clock.startTimer(slot.slowAfterMs, () => {
      isSlow = true;
      this.#slow++;
      this.#listenToParked();
    });
    this.#inFlight += requests.length;
    for (const request of requests) request.sent = true;
    try {
      this.#stored(lane, batch, await this.#store(lane, batch));
    } catch (error) {
      this.#failed(lane, requests, items, error);
    } finally {
      cancelSlow();
      if (isSlow) this.#slow--;
      this.#slots.giveBack(slot);
      this.#inFlight -= requests.length;
    }
    this.wake();
    if (!this.#slots.any) for (const resolve of this.#whenIdle.splice(0)) resolve();
  }

  /** Consumers who wait get their items with the same statement, which saves each item its second write. */
  async #store(
    { store }: Lane,
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

  #stored(lane: Lane, { requests, items }: Batch, outcomes: readonly Outcome<ProduceResult>[]): void {
    invariant(outcomes.length === requests.length, 'a driver answers every request of a batch');
    let stored = 0;
    let waiting = 0;
    let scheduled = 0;
    requests.forEach((request, i) => {
      const { waiter } = request;
      const outcome = outcomes[i] as Outcome<ProduceResult>;
      if (outcome.ok) {
        stored += request.items.length;
        waiting += outcome.value.waiting;
        scheduled += outcome.value.scheduled;
        waiter.resolve();
      } else {
        waiter.reject(outcome.error);
      }
    });
    lane.promiseEnded(items);
    const { observer } = this.#deps;
    observer.items(this.#hooks.queue().name, 'produced', stored);
    observer.batch('produce', { requests: requests.length, items });
    this.#hooks.stored(lane, { waiting, scheduled: scheduled > 0 });
  }

  #failed(lane: Lane, requests: readonly Produce[], items: number, error: unknown): void {
    lane.promiseEnded(items);
    const certain = error instanceof StorageError && error.outcome === 'not-applied';
    if (certain && this.#stopped !== undefined) {
      for (const { waiter } of requests) waiter.reject(this.#stopped);
    } else if (certain) {
      for (const request of requests) request.sent = false;
      // To the front: they have waited longest.
      this.#park(
        requests.filter(({ waiter }) => !waiter.answered),
        true,
      );
    } else {
      for (const { waiter } of requests) waiter.reject(outcomeUnknown());
    }
    this.#hooks.failed(lane, error);
  }
}

interface Batch {
  readonly requests: Produce[];
  items: number;
  bytes: number;
  reservation?: Reservation | undefined;
}

function isScheduled(request: Produce): boolean {
  return request.isScheduled;
}

function outcomeUnknown(): QueueError {
  return new QueueError('retry', MESSAGES.produceOutcomeUnknown);
}

import {
  type Instant,
  invariant,
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
import type { Lane } from './lane.ts';
import type { QueueHooks } from './queue-hooks.ts';
import { type Patience, Waiter } from './waiter.ts';

interface Produce extends ProduceRequest {
  readonly waiter: Waiter<void>;
  readonly bytes: number;
  /** With storage right now: from here on, only storage can say whether it took effect. */
  sent: boolean;
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
  readonly #hooks: QueueHooks;
  /** Requests no partition has been given yet, in order of arrival. */
  #parked: Produce[] = [];
  readonly #busy = new Set<Lane>();
  #inFlight = 0;
  #cycleScheduled = false;
  /** What requests are answered with that come back unstored after the end; absent while the loop runs. */
  #stopped: QueueError | undefined;
  #whenIdle: (() => void)[] = [];

  constructor(deps: EngineDeps, order: PartitionOrder<Lane>, hooks: QueueHooks) {
    this.#deps = deps;
    this.#order = order;
    this.#hooks = hooks;
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
    let bytes = 0;
    for (const { payload } of items) bytes += payload.length;
    const waiter = new Waiter<void>(
      this.#deps.clock,
      patience,
      () => (request.sent ? outcomeUnknown() : new QueueError('retry', MESSAGES.produceTimedOut)),
      () => this.#forget(request),
    );
    const request: Produce = { items, waiter, bytes, sent: false };
    if (!waiter.answered) this.#parked.push(request);
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
    for (const { waiter } of this.#parked.splice(0)) waiter.reject(error);
    if (this.#busy.size > 0) await new Promise<void>((resolve) => this.#whenIdle.push(resolve));
  }

  /** The buffer bounds what waits for a busy or failing storage; what the next cycle takes is not waiting. */
  #isOverloaded(): boolean {
    return (
      this.#parked.length >= this.#deps.limits.requestsBuffered &&
      this.#order.leastLoaded((lane) => !this.#busy.has(lane)) === undefined
    );
  }

  #forget(request: Produce): void {
    const at = this.#parked.indexOf(request);
    if (at >= 0) this.#parked.splice(at, 1);
  }

  #cycle(): void {
    const batches = new Map<Lane, Batch>();
    const { statementItems, statementBytes } = this.#deps.limits;
    const hasRoom = (lane: Lane) => {
      const batch = batches.get(lane);
      return (
        !this.#busy.has(lane) &&
        (batch === undefined || (batch.items < statementItems && batch.bytes < statementBytes))
      );
    };
    let given = 0;
    for (const request of this.#parked) {
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
    this.#parked.splice(0, given);
    for (const [lane, batch] of batches) void this.#send(lane, batch);
  }

  async #send(lane: Lane, { requests, items }: Batch): Promise<void> {
    this.#busy.add(lane);
    this.#inFlight += requests.length;
    for (const request of requests) request.sent = true;
    try {
      const outcomes = await lane.store.produce(requests, this.#hooks.queue().expireTimeout);
      this.#stored(lane, requests, items, outcomes);
    } catch (error) {
      this.#failed(lane, requests, items, error);
    } finally {
      this.#busy.delete(lane);
      this.#inFlight -= requests.length;
    }
    this.wake();
    if (this.#busy.size === 0) for (const resolve of this.#whenIdle.splice(0)) resolve();
  }

  #stored(
    lane: Lane,
    requests: readonly Produce[],
    items: number,
    outcomes: readonly Outcome<ProduceResult>[],
  ): void {
    invariant(outcomes.length === requests.length, 'a driver answers every request of a batch');
    let waiting = 0;
    let scheduled = 0;
    requests.forEach(({ waiter }, i) => {
      const outcome = outcomes[i] as Outcome<ProduceResult>;
      if (outcome.ok) {
        waiting += outcome.value.waiting;
        scheduled += outcome.value.scheduled;
        waiter.resolve();
      } else {
        waiter.reject(outcome.error);
      }
    });
    lane.promiseEnded(items);
    const { observer } = this.#deps;
    observer.items(this.#hooks.queue().name, 'produced', waiting + scheduled);
    observer.batch('produce', { requests: requests.length, items });
    this.#hooks.stored(lane, { waiting, earliest: scheduled > 0 ? earliestOf(requests) : undefined });
  }

  #failed(lane: Lane, requests: readonly Produce[], items: number, error: unknown): void {
    lane.promiseEnded(items);
    const certain = error instanceof StorageError && error.outcome === 'not-applied';
    if (certain && this.#stopped !== undefined) {
      for (const { waiter } of requests) waiter.reject(this.#stopped);
    } else if (certain) {
      for (const request of requests) request.sent = false;
      // To the front: they have waited longest.
      this.#parked.unshift(...requests.filter(({ waiter }) => !waiter.answered));
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
}

/** The earliest time any of the items is to become available. */
function earliestOf(requests: readonly Produce[]): Instant | undefined {
  let earliest: Instant | undefined;
  for (const { items } of requests) {
    for (const { enqueueAt } of items) {
      if (enqueueAt !== undefined && (earliest === undefined || enqueueAt < earliest)) earliest = enqueueAt;
    }
  }
  return earliest;
}

function outcomeUnknown(): QueueError {
  return new QueueError('retry', MESSAGES.produceOutcomeUnknown);
}

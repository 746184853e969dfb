import {
  type CancelTimer,
  invariant,
  type KeyedItems,
  type KeyedProduceOptions,
  type KeyedProduceRequest,
  type KeyedProduceResult,
  type LeasedItem,
  MESSAGES,
  newItemBytes,
  type Outcome,
  overloaded,
  type QueueError,
  StorageError,
  toMilliseconds,
  unavailable,
} from '@querator/core';
import type { EngineDeps } from '../engine-deps.ts';
import { backOffMs } from '../partition/back-off.ts';
import type { KeyLimit } from '../partition/key-limit.ts';
import { keySpreadOf } from '../partition/key-places.ts';
import type { PartitionState } from '../partition/partition-state.ts';
import type { QueueHooks } from '../partition/queue-hooks.ts';
import { beginStatement } from '../tracer.ts';
import { PendingRequest, type WaitOptions } from '../waiting/pending-request.ts';
import { type Consumers, ConsumerWait } from './consumer-wait.ts';
import { KeysMoved } from './keys-moved.ts';
import type { Reservation } from './lease-loop.ts';
import { BYTES_PER_ITEM, outcomeUnknown } from './produce-loop.ts';
import { StatementsInFlight } from './statements-in-flight.ts';

interface PendingKeyed extends KeyedProduceRequest {
  /** The `keySpread` by which the partition was chosen. */
  readonly keySpread: number;
  readonly pending: PendingRequest<KeyedProduceResult>;
  readonly items: number;
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

export interface KeyedLoopDeps {
  readonly engine: EngineDeps;
  readonly hooks: QueueHooks;
  readonly partition: PartitionState;
  readonly limit: KeyLimit;
  /** Reserves consumers that wait for items, if there are any; see `LeaseLoop.reserve`. */
  readonly reserve: (items: number) => Reservation | undefined;
  readonly consumers: Consumers;
  /** Keys were stored that last this many milliseconds. */
  readonly stored: (windowMs: number) => void;
  /**
   * Probes the partition after a keyed statement failed, and takes it out of service if
   * that fails too. If not, the fault is one of the keys alone, such as a missing right
   * on their table, and other requests go on. Never throws.
   */
  readonly probe: () => Promise<void>;
}

/**
 * Stores items with dedup keys in the partition of their keys. They never go to another
 * one, where the keys are not known: while the partition is out of service they wait,
 * until their time is up. Otherwise as `ProduceLoop`: requests collect while statements
 * are in flight, and go to storage together.
 */
export class KeyedLoop {
  readonly #deps: KeyedLoopDeps;
  #unsent: PendingKeyed[] = [];
  #unsentItems = 0;
  #unsentContentBytes = 0;
  readonly #statements: StatementsInFlight;
  readonly #consumerWait: ConsumerWait;
  #requestsInFlight = 0;
  #cycleScheduled = false;
  /** Keyed statements that failed in a row, while the partition was in service. */
  #faults = 0;
  #cancelBackOff: CancelTimer | undefined;
  #stopped: QueueError | undefined;

  constructor(deps: KeyedLoopDeps) {
    this.#deps = deps;
    const { clock, limits } = deps.engine;
    this.#statements = new StatementsInFlight(clock, limits);
    this.#consumerWait = new ConsumerWait(clock, deps.consumers, () => this.wake());
  }

  /** Requests that are not answered yet. */
  get size(): number {
    return this.#unsent.length + this.#requestsInFlight;
  }

  /**
   * Stores the items of new keys.
   *
   * @throws QueueError `retry` when the buffer or the budget of the process is
   *   full, when the items were not stored in time, or when the outcome is unknown.
   * @throws KeysMoved when the keys do not belong to the partition any more.
   */
  submit(
    groups: readonly KeyedItems[],
    { window, keySpread }: Pick<PendingKeyed, 'window' | 'keySpread'>,
    options: WaitOptions,
  ): Promise<KeyedProduceResult> {
    const { clock, itemBudget } = this.#deps.engine;
    if (this.#isOverloaded()) throw overloaded();
    const sizes = sizesOf(groups);
    if (itemBudget?.take(sizes.heldBytes) === false) throw overloaded();
    const pending = new PendingRequest<KeyedProduceResult>(
      clock,
      options,
      () => (request.sent ? outcomeUnknown() : unavailable('retry', MESSAGES.produceTimedOut)),
      () => this.#forget(request),
    );
    const request: PendingKeyed = { groups, window, keySpread, pending, ...sizes, sent: false };
    if (pending.answered) this.#release(request);
    else this.#addUnsent([request]);
    this.wake();
    return pending.answer;
  }

  /** A statement ended, or the partition came back into service. */
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
    this.#cancelBackOff?.();
    this.#consumerWait.stop();
    for (const request of this.#takeUnsent(this.#unsent.length)) {
      this.#release(request);
      request.pending.reject(error);
    }
    await this.#statements.idle();
  }

  get #mayStart(): boolean {
    return this.#deps.partition.healthy && this.#cancelBackOff === undefined && this.#stopped === undefined;
  }

  /** The buffer limits what waits for a busy or failing partition. Does not count what the next cycle takes. */
  #isOverloaded(): boolean {
    const { itemsBuffered, bytesBuffered, requestsBuffered } = this.#deps.engine.limits;
    const isFull =
      this.#unsentItems >= itemsBuffered ||
      this.#unsentContentBytes >= bytesBuffered ||
      this.#unsent.length >= requestsBuffered;
    return isFull && (!this.#mayStart || this.#statements.isFull(this.#deps.partition));
  }

  /** Adds requests at the end, or with `first` at the front. */
  #addUnsent(requests: readonly PendingKeyed[], first = false): void {
    if (first) this.#unsent.unshift(...requests);
    else this.#unsent.push(...requests);
    for (const { items, contentBytes } of requests) {
      this.#unsentItems += items;
      this.#unsentContentBytes += contentBytes;
    }
  }

  #takeUnsent(count: number, from = 0): PendingKeyed[] {
    const taken = this.#unsent.splice(from, count);
    for (const { items, contentBytes } of taken) {
      this.#unsentItems -= items;
      this.#unsentContentBytes -= contentBytes;
    }
    return taken;
  }

  #forget(request: PendingKeyed): void {
    const at = this.#unsent.indexOf(request);
    if (at < 0) return;
    this.#takeUnsent(1, at);
    this.#release(request);
  }

  /** Returns the bytes of a request to the budget. Call it once, when storage has the items or they are dropped. */
  #release({ heldBytes }: PendingKeyed): void {
    this.#deps.engine.itemBudget?.release(heldBytes);
  }

  #cycle(): void {
    const { partition } = this.#deps;
    while (this.#mayStart && this.#unsent.length > 0) {
      if (this.#statements.isFullFor(this.#unsentItems, partition)) break;
      if (this.#waitsForConsumers()) break;
      const batch = this.#nextBatch();
      if (batch.length > 0) void this.#sendBatch(batch);
    }
    // The end of a statement starts the next cycle. Its time is unknown when none is in flight or one is slow.
    if (this.#statements.anySlow || !this.#statements.any) this.#listenToUnsent();
  }

  #waitsForConsumers(): boolean {
    const { partition } = this.#deps;
    if (this.#statements.any || partition.store.produceKeyedAndLease === undefined) return false;
    return this.#consumerWait.holds(this.#unsentItems);
  }

  #nextBatch(): readonly PendingKeyed[] {
    const { statementItems, statementBytes } = this.#deps.engine.limits;
    let items = 0;
    let bytes = 0;
    let count = 0;
    for (const request of this.#unsent) {
      if (items >= statementItems || bytes >= statementBytes) break;
      count++;
      if (request.pending.isOver()) continue;
      items += request.items;
      bytes += request.bytes;
    }
    const taken = this.#takeUnsent(count);
    const [over, current] = [taken.filter(isOver), taken.filter((request) => !isOver(request))];
    const batch = current.filter((request) => !this.#hasMoved(request));
    for (const request of over) this.#release(request);
    for (const request of current) {
      if (!this.#hasMoved(request)) continue;
      this.#release(request);
      request.pending.reject(new KeysMoved());
    }
    return batch;
  }

  /** Whether keys are spread in another way than when the partition of the request was chosen. */
  #hasMoved({ keySpread }: Pick<PendingKeyed, 'keySpread'>): boolean {
    return keySpread !== keySpreadOf(this.#deps.hooks.queue());
  }

  #listenToUnsent(): void {
    // `listen` removes requests whose callers are gone, so it works on a copy.
    for (const { pending } of [...this.#unsent]) pending.listen();
  }

  async #sendBatch(batch: readonly PendingKeyed[]): Promise<void> {
    const { partition } = this.#deps;
    const items = batch.reduce((sum, request) => sum + request.items, 0);
    const statement = this.#statements.start(partition, { items }, () => this.#listenToUnsent());
    this.#requestsInFlight += batch.length;
    partition.promise(items);
    for (const request of batch) request.sent = true;
    const ended = this.#traced(batch, items);
    let error: unknown;
    try {
      const outcomes = await this.#store(batch);
      ended?.(undefined);
      this.#stored(batch, outcomes);
    } catch (reason) {
      ended?.(reason);
      error = reason;
      this.#notStored(batch, reason);
    }
    partition.promiseEnded(items);
    for (const request of batch) if (request.pending.answered) this.#release(request);
    // Before the statement ends: requests that came back must not be sent again at once.
    if (error !== undefined && !batch.some((request) => this.#hasMoved(request))) await this.#failed(error);
    this.#statements.end(statement);
    this.#requestsInFlight -= batch.length;
    this.wake();
  }

  #traced(batch: readonly PendingKeyed[], items: number) {
    const { engine, hooks, partition } = this.#deps;
    if (engine.tracer === undefined) return undefined;
    const place = { operation: 'produce', queue: hooks.queue().name, partition, items } as const;
    return beginStatement(engine.tracer, place, batch);
  }

  async #store(batch: readonly PendingKeyed[]): Promise<readonly Outcome<KeyedProduceResult>[]> {
    const { hooks, limit } = this.#deps;
    const { expireTimeout } = hooks.queue();
    // All of them have the same.
    const keySpread = batch[0]?.keySpread ?? 0;
    const options = { expireTimeout, newKeys: limit.newKeys(), ...(keySpread > 0 && { keySpread }) };
    const outcomes = await this.#produce(batch, options);
    invariant(outcomes?.length === batch.length, 'a driver with dedup keys answers every request of a batch');
    return outcomes;
  }

  /** Waiting consumers receive items with the same statement, as in `ProduceLoop`. */
  async #produce(batch: readonly PendingKeyed[], options: KeyedProduceOptions) {
    const { partition, reserve } = this.#deps;
    const { store } = partition;
    const items = batch.reduce((sum, request) => sum + request.items, 0);
    const mayLease = options.newKeys === 'store' && !batch.some(({ isScheduled }) => isScheduled);
    const reservation = mayLease && store.produceKeyedAndLease ? reserve(items) : undefined;
    if (reservation === undefined) return store.produceKeyed?.(batch, options);
    let leased: readonly LeasedItem[] = [];
    try {
      const stored = await store.produceKeyedAndLease?.(batch, options, reservation.batch);
      leased = stored?.leased ?? [];
      return stored?.outcomes;
    } finally {
      reservation.end(leased);
    }
  }

  #stored(batch: readonly PendingKeyed[], outcomes: readonly Outcome<KeyedProduceResult>[]): void {
    const { engine, hooks, partition, limit } = this.#deps;
    this.#faults = 0;
    let waiting = 0;
    let scheduled = 0;
    let produced = 0;
    let keys = 0;
    batch.forEach((request, n) => {
      const outcome = outcomes[n] as Outcome<KeyedProduceResult>;
      if (!outcome.ok) {
        request.pending.reject(outcome.error);
        return;
      }
      waiting += outcome.value.waiting;
      scheduled += outcome.value.scheduled;
      let stored = 0;
      for (const group of outcome.value.groups) {
        if (group.state !== 'stored') continue;
        stored++;
        produced += group.ids.length;
      }
      keys += stored;
      if (stored > 0) this.#deps.stored(toMilliseconds(request.window));
      request.pending.resolve(outcome.value);
    });
    limit.changed(keys);
    engine.observer.items(hooks.queue().name, 'produced', produced);
    engine.observer.batch('produce', { requests: batch.length, items: produced });
    hooks.stored(partition, { waiting, scheduled: scheduled > 0 });
  }

  /** Requests that storage certainly did not store wait for it again. */
  #notStored(batch: readonly PendingKeyed[], error: unknown): void {
    const certain = error instanceof StorageError && error.outcome === 'not-applied';
    for (const request of batch) {
      if (!certain) request.pending.reject(outcomeUnknown());
      else if (this.#stopped !== undefined) request.pending.reject(this.#stopped);
      else if (this.#hasMoved(request)) request.pending.reject(new KeysMoved());
      else request.sent = false;
    }
    // At the front: they have waited longest.
    this.#addUnsent(
      batch.filter(({ pending }) => !pending.answered),
      true,
    );
  }

  /** Takes the partition out of service, or if it works without keys, pauses the keyed requests. */
  async #failed(error: unknown): Promise<void> {
    const { engine, hooks, partition } = this.#deps;
    if (this.#stopped !== undefined) return;
    // Counted before the probe: a statement that succeeds meanwhile proves that the keys can be stored.
    this.#faults++;
    await this.#deps.probe();
    if (!partition.healthy) this.#faults = 0;
    // A first failure is mostly a connection that broke.
    if (this.#faults <= 1 || this.#stopped !== undefined) return;
    const where = { queue: hooks.queue().name, partition: partition.number, storage: partition.storageName };
    engine.logger.warn('dedup keys cannot be stored', { ...where, err: error });
    this.#cancelBackOff?.();
    this.#cancelBackOff = engine.clock.startTimer(backOffMs(this.#faults), () => {
      this.#cancelBackOff = undefined;
      this.wake();
    });
  }
}

function isOver({ pending }: PendingKeyed): boolean {
  return pending.isOver();
}

function sizesOf(groups: readonly KeyedItems[]) {
  const sizes = { items: 0, bytes: 0, contentBytes: 0, heldBytes: 0, isScheduled: false };
  for (const { key, items } of groups) {
    sizes.items += items.length;
    sizes.contentBytes += key.length;
    for (const item of items) {
      sizes.bytes += item.payload.length;
      sizes.contentBytes += newItemBytes(item);
      sizes.isScheduled ||= item.enqueueAt !== undefined;
    }
  }
  sizes.heldBytes = sizes.contentBytes + sizes.items * BYTES_PER_ITEM;
  return sizes;
}

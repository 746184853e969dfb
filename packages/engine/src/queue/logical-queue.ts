import {
  type ClearRequest,
  type ImportedItem,
  type ItemListRequest,
  invalid,
  MESSAGES,
  type NewItem,
  type Queue,
  QueueError,
  type RetriedItem,
  SCHEDULE_THRESHOLD,
  StorageError,
  type StoredItem,
  toMilliseconds,
} from '@querator/core';
import { PartitionOrder } from '@querator/router';
import type { LetterBoxes } from '../dead-letters/dead-letter.ts';
import { logDeleted } from '../dead-letters/log-deleted.ts';
import { IncomingLetters } from '../dead-letters/prepared-letters.ts';
import type { EngineDeps } from '../engine-options.ts';
import type { Buffered } from '../loops/group-commit.ts';
import { LeaseLoop } from '../loops/lease-loop.ts';
import type { Leased } from '../loops/lease-requests.ts';
import { ProduceLoop } from '../loops/produce-loop.ts';
import { Lane } from '../partition/partition-state.ts';
import type { Arrival, QueueHooks } from '../partition/queue-hooks.ts';
import { InFlight } from '../waiting/in-flight.ts';
import type { Patience } from '../waiting/pending-request.ts';
import { newPartitionUnit, type PartitionPlace, type PartitionUnit } from './active-partition.ts';
import { type PartitionCounts, QueueCounts, type QueueDepth } from './queue-counts.ts';

/**
 * So long after items were scheduled a sweep asks the storage when the first of
 * them comes due. Deadlines are judged by the storage's clock, which may be
 * ahead of this process's. Nothing comes due earlier: the schedule threshold is
 * twice as long. Statements that follow within that time share one sweep.
 */
const LOOK_FOR_SCHEDULED_MS = toMilliseconds(SCHEDULE_THRESHOLD) / 2;

/** What a logical queue is doing. */
export interface LogicalQueueStats extends RequestsWaiting, PartitionCounts {}

/** The requests at a logical queue. */
export interface RequestsWaiting {
  /** Produce requests not answered yet; the other counts likewise. */
  readonly produceWaiting: number;
  readonly leaseWaiting: number;
  readonly completeWaiting: number;
  readonly retryWaiting: number;
}

/** What a queue needs of those around it. */
export interface QueueSurroundings extends Pick<QueueHooks, 'untilCurrent'> {
  readonly letterBoxes: LetterBoxes;
}

/**
 * A queue at work in this process: takes requests, spreads them over the
 * queue's partitions, and answers each when storage has. Other processes may
 * have the same queue at work on the same storage.
 */
export class LogicalQueue {
  readonly #deps: EngineDeps;
  readonly #units: readonly PartitionUnit[];
  readonly #produces: ProduceLoop;
  readonly #leases: LeaseLoop;
  readonly #hooks: QueueHooks;
  readonly #letters: IncomingLetters;
  readonly #counts: QueueCounts;
  /** Calls that go to storage past the loops. */
  readonly #direct = new InFlight();
  #queue: Queue;
  #stopping: Promise<void> | undefined;

  /** @param places of the queue's partitions, in the order of `queue.partitions`. */
  constructor(
    deps: EngineDeps,
    queue: Queue,
    places: readonly PartitionPlace[],
    { letterBoxes, untilCurrent }: QueueSurroundings,
  ) {
    this.#deps = deps;
    this.#queue = queue;
    this.#hooks = {
      queue: () => this.#queue,
      untilCurrent,
      stored: (lane, counts) => this.#stored(lane, counts),
      leased: (lane, items, requests) => this.#leased(lane, items, requests),
      failed: (lane, error) => this.#unit(lane).recovery.failed(error),
    };
    const reorder = (lane: Lane) => order.changed(lane);
    const lanes = queue.partitions.map(
      ({ partition, storageName }, i) =>
        new Lane({ partition, storageName, ...(places[i] as PartitionPlace) }, reorder),
    );
    const order = new PartitionOrder(lanes);
    this.#letters = new IncomingLetters(deps, lanes, this.#hooks, this.#direct);
    this.#leases = new LeaseLoop(deps, lanes, order, this.#hooks);
    const reserve = (lane: Lane, items: number) => this.#leases.reserve(lane, items);
    this.#produces = new ProduceLoop(deps, { order, reserve }, this.#hooks);
    this.#units = lanes.map((lane, i) =>
      newPartitionUnit(deps, lane, {
        ...{ hooks: this.#hooks, leases: this.#leases, letterBoxes, lookout: places[i]?.lookout },
        healthChanged: () => this.#healthChanged(lane, order),
      }),
    );
    this.#counts = new QueueCounts(deps.clock, this.#units);
  }

  /** The queue's settings in force. */
  get queue(): Queue {
    return this.#queue;
  }

  /** Applies new settings to everything from now on; existing leases and deadlines stay. */
  updated(queue: Queue): void {
    this.#queue = queue;
    this.sweepAll();
  }

  /**
   * Probes every partition and takes up its deadlines. Resolves when all have
   * answered, or `loadMs` after the call: a slow one is taken for healthy until
   * it fails. How much waits becomes known when it has been counted; until then
   * consumers look into every partition. Never rejects.
   */
  async load(): Promise<void> {
    const probed = Promise.all(this.#units.map(({ recovery }) => recovery.probe()));
    await this.#atMost(this.#deps.limits.loadMs, probed);
    this.sweepAll();
  }

  /** @throws QueueError see `ProduceLoop.produce`, and `failed` once the queue is stopping. */
  produce(items: readonly NewItem[], patience: Patience): Promise<void> {
    return this.#produces.produce(items, patience);
  }

  /** @throws QueueError see `LeaseLoop.lease`, and `failed` once the queue is stopping. */
  lease(clientId: string, limit: number, patience: Patience): Promise<Leased> {
    return this.#leases.lease(clientId, limit, patience);
  }

  /** @throws QueueError `invalid` for the first bad id, `retry` when storage fails. */
  async complete(partition: number, ids: readonly string[]): Promise<void> {
    const { completes } = this.#available(partition, (unit) => unit.completes);
    await completes.submit({ ids });
  }

  /** @throws QueueError `invalid` for the first bad id, `retry` when storage fails. */
  async retry(partition: number, items: readonly RetriedItem[]): Promise<void> {
    const { lane, retries, sweeper } = this.#available(partition, (unit) => unit.retries);
    const { waiting, scheduled, moving, deleted } = await retries.submit({ items });
    if (deleted > 0) {
      logDeleted(this.#deps.logger, { queue: this.#queue.name, partition, items: deleted });
    }
    this.#stored(lane, { waiting, scheduled: scheduled > 0 });
    // The items are safe either way; the consumer may well look into the dead-letter queue next.
    if (moving > 0) await sweeper.sweepBriefly();
    // A lease may have outlived its item's time in the queue, which is over now.
    else if (waiting > 0) sweeper.dueIn(0);
  }

  /** @throws QueueError `failed` when the queue is being stopped or deleted. */
  letters(): IncomingLetters {
    this.checkRunning();
    return this.#letters;
  }

  list(partition: number, request: ItemListRequest): Promise<readonly StoredItem[]> {
    return this.#directly(() => this.#unitOf(partition).lane.store.list(request));
  }

  /**
   * Adds items as they are; those whose source id is there already are left out.
   *
   * @returns the stored items, nothing in the place of one that was left out.
   */
  import(partition: number, items: readonly ImportedItem[]): Promise<readonly (StoredItem | undefined)[]> {
    return this.#directly(async () => {
      const { lane, sweeper } = this.#unitOf(partition);
      const stored = await lane.store.import(items, this.#queue.expireTimeout);
      const available = stored.filter(
        (item) => item !== undefined && !item.isLeased && item.enqueueAt === undefined,
      );
      this.#stored(lane, { waiting: available.length });
      // They bring deadlines of their own; the sweep finds the earliest.
      void sweeper.sweep();
      return stored;
    });
  }

  /** Removes items in whatever state; unknown ids are passed over. */
  async delete(partition: number, ids: readonly string[]): Promise<void> {
    const { lane, sweeper } = this.#unitOf(partition);
    await this.#directly(() => lane.store.delete(ids));
    sweeper.itemsRemoved();
  }

  /** Removes all items in the given states from one partition after the other, and counts what is left. */
  async clear(request: ClearRequest): Promise<void> {
    for (const { lane, counter, sweeper } of this.#units) {
      await this.#directly(() => lane.store.clear(request));
      sweeper.itemsRemoved();
      counter.forget();
      void counter.anew();
    }
  }

  /**
   * Probes and counts every partition; one that answers is healthy, one that
   * does not is failing. Resolves after `countWaitMs` at the latest: the probes
   * may have to wait for those of a thousand other queues. Never rejects.
   */
  async reload(): Promise<void> {
    const reloaded = Promise.all(
      this.#units.map(async ({ lane, counter, recovery }) => {
        const counted = counter.anew();
        await recovery.probe();
        const error = await counted;
        if (error instanceof StorageError && lane.healthy) recovery.failed(error);
      }),
    );
    await this.#atMost(this.#deps.limits.countWaitMs, reloaded);
  }

  /** @throws StorageError when a partition cannot be counted; QueueError see `PartitionCounter.recent`. */
  async stats(): Promise<LogicalQueueStats> {
    const counts = await this.#directly(() => this.#counts.recent());
    return { ...this.waiting(), ...counts };
  }

  /** @throws QueueError `failed` when the queue is being stopped. */
  async depth(): Promise<QueueDepth> {
    return this.#directly(() => this.#counts.depth());
  }

  /** The requests not answered yet. */
  waiting(): RequestsWaiting {
    const sum = (size: (unit: PartitionUnit) => number) =>
      this.#units.reduce((total, unit) => total + size(unit), 0);
    return {
      produceWaiting: this.#produces.size,
      leaseWaiting: this.#leases.size,
      completeWaiting: sum(({ completes }) => completes.size),
      retryWaiting: sum(({ retries }) => retries.size),
    };
  }

  /** Whether each partition is in service, by the storage it is on. */
  get partitionsInService(): readonly { readonly storageName: string; readonly inService: boolean }[] {
    return this.#units.map(({ lane }) => ({ storageName: lane.storageName, inService: lane.healthy }));
  }

  /** Sweeps every partition soon, as when settings changed or a dead-letter queue appeared. */
  sweepAll(): void {
    for (const { sweeper } of this.#units) void sweeper.sweepAnew();
  }

  /**
   * Ends the queue's work here: what waits is answered `failed`, what is with
   * storage is finished. Stopping twice is once.
   */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  /** @throws QueueError `failed` when the queue is being stopped or deleted. */
  checkRunning(): void {
    if (this.#stopping !== undefined) throw new QueueError('failed', MESSAGES.queueShutdown);
  }

  /** @throws QueueError `invalid` when there is no such partition. */
  checkPartition(partition: number): void {
    this.#unitOf(partition);
  }

  async #stop(): Promise<void> {
    for (const { watching } of this.#units) watching?.stop();
    const error = new QueueError('failed', MESSAGES.queueShutdown);
    const stopped = Promise.all([
      this.#produces.stop(error),
      this.#leases.stop(error),
      ...this.#units.flatMap(({ completes, retries, sweeper, recovery, counter }) => [
        completes.stop(error),
        retries.stop(error),
        sweeper.stop(),
        recovery.stop(),
        counter.stop(),
      ]),
      this.#direct.settled(),
    ]);
    // What has not begun need not: a thousand partitions may wait for their turn.
    for (const { lane } of this.#units) lane.turns.leave();
    await stopped;
  }

  /** Waits for work that never rejects, but no longer than that; it goes on all the same. */
  #atMost(ms: number, work: Promise<unknown>): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#deps.clock.startTimer(ms, resolve);
      void work.then(() => {
        cancel();
        resolve();
      });
    });
  }

  /** A call past the loops. None begins once the queue is stopping, and the end waits for those under way. */
  async #directly<T>(call: () => Promise<T>): Promise<T> {
    this.checkRunning();
    return this.#direct.run(call);
  }

  #healthChanged(lane: Lane, order: PartitionOrder<Lane>): void {
    order.changed(lane);
    if (!lane.healthy) return;
    void this.#unit(lane).sweeper.sweep();
    this.#leases.suspectAll();
    this.#leases.wake();
    this.#produces.wake();
  }

  #stored(lane: Lane, { waiting, scheduled }: Arrival): void {
    const { sweeper, watching } = this.#unit(lane);
    if (waiting > 0) {
      lane.arrived(waiting);
      this.#leases.wake();
      watching?.tell();
      sweeper.dueIn(toMilliseconds(this.#queue.expireTimeout));
    }
    if (scheduled) sweeper.dueIn(LOOK_FOR_SCHEDULED_MS);
  }

  #leased(lane: Lane, items: number, requests: number): void {
    const { observer } = this.#deps;
    observer.items(this.#queue.name, 'leased', items);
    observer.batch('lease', { requests, items });
    this.#unit(lane).sweeper.dueIn(toMilliseconds(this.#queue.leaseTimeout));
  }

  #available<Q extends { readonly buffered: Buffered }>(
    partition: number,
    queueOf: (unit: PartitionUnit) => Q,
  ): PartitionUnit {
    const unit = this.#unitOf(partition);
    const { itemsBuffered, requestsBuffered } = this.#deps.limits;
    const { items, requests } = queueOf(unit).buffered;
    if (items >= itemsBuffered || requests >= requestsBuffered) {
      throw new QueueError('retry', MESSAGES.overloaded);
    }
    if (!unit.lane.healthy) {
      throw new QueueError(
        'retry',
        `partition not available; partition '${partition}' is failing, retry again`,
      );
    }
    return unit;
  }

  #unitOf(partition: number): PartitionUnit {
    const unit = this.#units[partition];
    if (unit === undefined) throw invalid(`partition is invalid; '${partition}' is not a valid partition`);
    return unit;
  }

  #unit(lane: Lane): PartitionUnit {
    return this.#units[lane.partition] as PartitionUnit;
  }
}

import {
  type ClearRequest,
  type ItemListRequest,
  invariant,
  type NewItem,
  type Queue,
  queueShutdown,
  RunningWork,
  RunOnce,
  SCHEDULE_THRESHOLD,
  StorageError,
  type StoredItem,
  toMilliseconds,
  within,
} from '@querator/core';
import type { PartitionOrder } from '@querator/router';
import type { DeadLetterTargets } from '../dead-letters/dead-letter.ts';
import { PreparedLetters } from '../dead-letters/prepared-letters.ts';
import type { EngineDeps } from '../engine-deps.ts';
import { LeaseLoop } from '../loops/lease-loop.ts';
import type { Leased, LeaseWishes } from '../loops/lease-requests.ts';
import { type Produced, ProduceLoop } from '../loops/produce-loop.ts';
import type { PartitionState } from '../partition/partition-state.ts';
import type { Arrival, LeaseStatement, QueueHooks } from '../partition/queue-hooks.ts';
import type { WaitOptions } from '../waiting/pending-request.ts';
import { type ActivePartition, activePartition } from './active-partition.ts';
import { EarlyReturns } from './early-returns.ts';
import { HandlingTimes } from './handling-times.ts';
import { ItemSearch } from './item-search.ts';
import { type KeyedProduce, KeyedProduces, type ProducedItem } from './keyed-produces.ts';
import { LeasedItems } from './leased-items.ts';
import { OutboxProduces } from './outbox-produces.ts';
import { PartitionMoves, type PartitionMovesDeps } from './partition-moves.ts';
import { type PartitionCounts, QueueCounts, type QueueDepth } from './queue-counts.ts';
import { QueueImports } from './queue-imports.ts';
import { QueueKeys } from './queue-keys.ts';
import { QueueMetadata } from './queue-metadata.ts';
import { QueuePartitions, stopPartition } from './queue-partitions.ts';
import { QueuePauses } from './queue-pauses.ts';
import { QueueTransfers } from './queue-transfers.ts';
import { type RequestsWaiting, requestsWaiting } from './requests-waiting.ts';

/**
 * The delay, in milliseconds, of the sweep that asks storage when scheduled
 * items are due. Only the clock of storage judges deadlines, and it may be ahead
 * of this process. Nothing is due earlier, because the schedule threshold is
 * twice as long. Statements within the delay share one sweep.
 */
const SCHEDULED_SWEEP_MS = toMilliseconds(SCHEDULE_THRESHOLD) / 2;

/** What a logical queue holds and does. */
export interface LogicalQueueStats extends RequestsWaiting, PartitionCounts {}

export interface LogicalQueueDeps extends Pick<QueueHooks, 'untilCurrent'> {
  readonly engine: EngineDeps;
  readonly deadLetters: DeadLetterTargets;
  /** The placements of a queue, in the order of its partitions. */
  readonly placements: PartitionMovesDeps['placements'];
  /** Reads the queue's record, and puts changes into force. Never rejects. */
  readonly refresh: PartitionMovesDeps['refresh'];
}

/**
 * A queue in this process: distributes requests over the partitions, and
 * answers each when storage has answered. The same queue may be active in other
 * processes on the same storage.
 */
export class LogicalQueue {
  /** What consumers do with the items that they have leased. */
  readonly leasedItems: LeasedItems;
  readonly earlyReturns: EarlyReturns;
  readonly metadata: QueueMetadata;
  readonly transfers: QueueTransfers;
  readonly imports: QueueImports;
  readonly search: ItemSearch;
  readonly keys: QueueKeys;
  readonly outbox: OutboxProduces;
  readonly counts: QueueCounts;
  /** How long consumers of this process take for items. */
  readonly handling: HandlingTimes;
  readonly pauses: QueuePauses;
  readonly #keyedProduces: KeyedProduces;
  readonly #deps: EngineDeps;
  readonly #order: PartitionOrder<PartitionState>;
  readonly #all: QueuePartitions;
  readonly #partitions: readonly ActivePartition[];
  readonly #produces: ProduceLoop;
  readonly #leases: LeaseLoop;
  readonly #letters: PreparedLetters;
  /** Storage calls outside the loops. */
  readonly #calls = new RunningWork();
  #queue: Queue;
  readonly #stopping = new RunOnce(() => this.#stop());

  constructor(queue: Queue, { engine, deadLetters, untilCurrent, ...moves }: LogicalQueueDeps) {
    this.#deps = engine;
    this.#queue = queue;
    this.pauses = new QueuePauses(engine.clock, (work) => {
      if (work === 'lease') this.#mayLease();
    });
    const hooks: QueueHooks = {
      queue: () => this.#queue,
      leasesStopped: () => this.pauses.stopsLeases,
      untilCurrent,
      stored: (partition, arrival) => this.#stored(partition, arrival),
      leased: (partition, statement) => this.#leased(partition, statement),
      failed: (partition, error) => this.#all.of(partition).recovery.failed(error),
    };
    const isStopping = () => this.#stopping.hasBegun;
    this.#all = new QueuePartitions({
      ...{ logger: engine.logger, calls: this.#calls },
      moves: new PartitionMoves({ engine, isStopping, ...moves }),
      activate: (state, { poller }) => {
        const healthChanged = () => this.#healthChanged(state);
        return activePartition(state, {
          engine,
          hooks,
          leases: this.#leases,
          deadLetters,
          poller,
          healthChanged,
        });
      },
    });
    const { states } = this.#all;
    [this.#order, this.#partitions] = [this.#all.order, this.#all.active];
    this.#letters = new PreparedLetters(engine, states, hooks, this.#calls);
    this.#leases = new LeaseLoop(engine, states, this.#order, hooks);
    this.#produces = new ProduceLoop(
      engine,
      { order: this.#order, reserve: (partition, items) => this.#leases.reserve(partition, items) },
      hooks,
    );
    this.#all.create(queue);
    const call = <T>(work: () => Promise<T>) => this.#call(work);
    this.#keyedProduces = new KeyedProduces({
      ...{ engine, hooks, call, partitions: this.#partitions },
      producePlain: (items, options) => this.produceWithIds(items, options),
    });
    const parts = { hooks, order: this.#order, partitions: this.#partitions, pauses: this.pauses };
    this.outbox = new OutboxProduces({ ...parts, observer: engine.observer, run: call });
    this.metadata = new QueueMetadata(this.#partitions);
    this.search = new ItemSearch(engine.clock, states, call);
    this.keys = new QueueKeys({ queue: hooks.queue, partitions: this.#partitions, call });
    this.counts = new QueueCounts(engine.clock, this.#partitions);
    this.handling = new HandlingTimes(engine.clock);
    this.pauses.update(queue.pauses);
    const partition = (number: number) => this.#all.at(number);
    const common = { engine, queue: hooks.queue, partition, call, stored: hooks.stored };
    this.leasedItems = new LeasedItems({ ...common, handling: this.handling });
    this.earlyReturns = new EarlyReturns({ leasedItems: this.leasedItems, partition, call });
    this.imports = new QueueImports(common);
    this.transfers = new QueueTransfers({ ...common, checkProduce: () => this.pauses.checkProduce() });
  }

  /** The settings in force. */
  get queue(): Queue {
    return this.#queue;
  }

  /** Applies new settings from now on. Existing leases and deadlines stay. */
  updated(queue: Queue): void {
    this.#queue = queue;
    this.pauses.update(queue.pauses);
    this.#all.update(queue);
    this.sweepAll();
  }

  /**
   * Probes and sweeps every partition. Resolves when all probes have answered, at
   * the latest after `loadMs`: a slow partition counts as healthy until it fails.
   * Until a partition is counted, consumers lease from it as if it may hold
   * items. Never rejects.
   */
  async load(): Promise<void> {
    const probed = Promise.all(this.#partitions.map(({ recovery }) => recovery.probe()));
    await within(this.#deps.clock, this.#deps.limits.loadMs, probed);
    this.sweepAll();
    for (const { keys } of this.#partitions) keys.loaded();
  }

  /** @throws QueueError see `ProduceLoop.produce`, and `failed` once the queue stops. */
  produce(items: readonly NewItem[], options: WaitOptions): Promise<unknown> {
    this.pauses.checkProduce();
    return this.#produces.produce(items, options, false);
  }

  /** The same, and tells the ids of the items. */
  async produceWithIds(items: readonly NewItem[], options: WaitOptions): Promise<Produced> {
    this.pauses.checkProduce();
    const produced = await this.#produces.produce(items, options, true);
    invariant(produced !== undefined, 'a driver returns the ids that a request asks for');
    return produced;
  }

  /** @throws QueueError see `KeyedProduces.produce`, and `failed` once the queue stops. */
  async produceKeyed(request: KeyedProduce, options: WaitOptions): Promise<readonly ProducedItem[]> {
    this.pauses.checkProduce();
    this.checkRunning();
    return this.#keyedProduces.produce(request, options);
  }

  /** @throws QueueError see `LeaseLoop.lease`, and `failed` once the queue stops. */
  lease(call: LeaseWishes, options: WaitOptions): Promise<Leased> {
    const leasing = this.#leases.lease(call, options);
    if (!this.handling.isOn) return leasing;
    return leasing.then((leased) => {
      this.handling.leased(leased.items);
      return leased;
    });
  }

  /** This queue as a dead-letter queue. @throws QueueError `failed` once the queue stops. */
  letters(): PreparedLetters {
    this.checkRunning();
    return this.#letters;
  }

  list(partition: number, request: ItemListRequest): Promise<readonly StoredItem[]> {
    return this.#call(() => this.#all.at(partition).state.store.list(request));
  }

  /** Removes items in whatever state. Ignores unknown ids. @returns the number of removed items. */
  async delete(partition: number, ids: readonly string[]): Promise<number> {
    const { state, sweeper } = this.#all.at(partition);
    const removed = await this.#call(() => state.store.delete(ids));
    sweeper.itemsRemoved();
    return removed;
  }

  /**
   * Removes all items in the given states, one partition after the other, and starts a count of each.
   *
   * @returns the number of removed items.
   */
  async clear(request: ClearRequest): Promise<number> {
    let removed = 0;
    for (const { state, counter, sweeper } of this.#partitions) {
      removed += await this.#call(() => state.store.clear(request));
      sweeper.itemsRemoved();
      counter.forget();
      void counter.anew();
    }
    return removed;
  }

  /**
   * Probes and counts every partition. A partition that answers both is healthy;
   * any other is failing. Resolves after `countWaitMs` at the latest, because the
   * probes share a limit with other queues. Never rejects.
   */
  async reload(): Promise<void> {
    const reloaded = Promise.all(
      this.#partitions.map(async ({ state, counter, recovery }) => {
        const counted = counter.anew();
        await recovery.probe();
        const error = await counted;
        if (error instanceof StorageError && state.healthy) recovery.failed(error);
      }),
    );
    await within(this.#deps.clock, this.#deps.limits.countWaitMs, reloaded);
  }

  /** @throws StorageError when a partition cannot be counted; QueueError see `PartitionCounter.recent`. */
  async stats(): Promise<LogicalQueueStats> {
    const counts = await this.#call(() => this.counts.recent());
    return { ...this.waiting(), ...counts };
  }

  /** @throws QueueError `failed` once the queue stops. */
  async depth(): Promise<QueueDepth> {
    return this.#call(() => this.counts.depth());
  }

  /** The requests that are not answered yet. */
  waiting(): RequestsWaiting {
    return requestsWaiting({ produces: this.#produces, leases: this.#leases }, this.#partitions);
  }

  /** Whether each partition is in service, and its storage. */
  get partitionsInService(): readonly { readonly storageName: string; readonly inService: boolean }[] {
    return this.#partitions.map(({ state: it }) => ({ storageName: it.storageName, inService: it.healthy }));
  }

  /** Sweeps every partition soon, as after new settings or the creation of the dead-letter queue. */
  sweepAll(): void {
    for (const { sweeper } of this.#partitions) void sweeper.sweepAnew();
  }

  /**
   * Stops the queue in this process. Pending requests are answered `failed`,
   * statements in flight end. A second call joins the first.
   */
  stop(): Promise<void> {
    return this.#stopping.run();
  }

  /** @throws QueueError `failed` once the queue stops. */
  checkRunning(): void {
    if (this.#stopping.hasBegun) throw queueShutdown();
  }

  /** Whether this process knows a partition of that number. */
  hasPartition(partition: number): boolean {
    return this.#partitions[partition] !== undefined;
  }

  /** @throws QueueError `invalid` when there is no such partition. */
  checkPartition(partition: number): void {
    this.#all.at(partition);
  }

  async #stop(): Promise<void> {
    this.pauses.stop();
    const error = queueShutdown();
    const stopped = Promise.all([
      this.#produces.stop(error),
      this.#leases.stop(error),
      ...this.#partitions.map((partition) => stopPartition(partition, error)),
      this.#calls.idle(),
    ]);
    // A thousand partitions may wait for a concurrency limit. Their calls need not begin.
    for (const { state } of this.#partitions) state.limited.refuseWaiting();
    await stopped;
  }

  /** Runs a storage call outside the loops. The stop waits for it, and none begins after the stop. */
  async #call<T>(call: () => Promise<T>): Promise<T> {
    this.checkRunning();
    return this.#calls.run(call);
  }

  #healthChanged(partition: PartitionState): void {
    this.#order.changed(partition);
    if (!partition.healthy) return;
    const { sweeper, keys } = this.#all.of(partition);
    void sweeper.sweep();
    keys.wake();
    this.#mayLease();
    this.#produces.wake();
  }

  /** Looks in every partition for items, because nobody has looked there for a while. */
  #mayLease(): void {
    this.#leases.allMayHoldItems();
    this.#leases.wake();
  }

  #stored(partition: PartitionState, { waiting, scheduled }: Arrival): void {
    const { sweeper, polling } = this.#all.of(partition);
    if (waiting > 0) {
      partition.arrived(waiting);
      this.#leases.wake();
      polling.publish();
      sweeper.dueIn(toMilliseconds(this.#queue.expireTimeout));
    }
    if (scheduled) sweeper.dueIn(SCHEDULED_SWEEP_MS);
  }

  #leased(partition: PartitionState, { items, requests, leaseTimeout }: LeaseStatement): void {
    const { observer } = this.#deps;
    observer.items(this.#queue.name, 'leased', items);
    observer.batch('lease', { requests, items });
    this.#all.of(partition).sweeper.dueIn(toMilliseconds(leaseTimeout));
  }
}

import {
  invalid,
  MESSAGES,
  type NewQueue,
  type PartitionPlacement,
  type Queue,
  QueueError,
  type QueueListRequest,
  type QueueRelations,
  type QueueSettings,
  type QueueStore,
  type StorageBackend,
  StorageError,
  type StorageSignals,
} from '@querator/core';
import type { IncomingLetters } from '../dead-letters/prepared-letters.ts';
import type { EngineDeps } from '../engine-options.ts';
import { LogicalQueue } from '../queue/logical-queue.ts';
import { checkDeadQueueName, checkDeadQueueRelations } from '../rules/dead-queue-rules.ts';
import { checkQueueKnown } from '../rules/name-rules.ts';
import { checkPlacement } from '../rules/placement-rules.ts';
import { InFlight } from '../waiting/in-flight.ts';
import { NameLocks } from './name-locks.ts';
import { placeNewPartitions } from './new-partitions.ts';
import { PartitionPlaces } from './placements.ts';
import { QueueDeletion } from './queue-deletion.ts';
import { isSame, SettingsWatch } from './settings-watch.ts';
import { SharedLooks } from './shared-refreshes.ts';

/** A storage that holds partitions, and its share of new ones. */
export interface PartitionStorage {
  readonly backend: StorageBackend;
  /** Its weight among all storages; 0: takes no new partitions. */
  readonly affinity: number;
}

/** What a queue is made from; where its partitions go is decided here unless it says so. */
export interface QueueToCreate extends Omit<NewQueue, 'partitions'> {
  readonly partitions?: readonly PartitionPlacement[] | undefined;
}

/**
 * Which queues exist, and which are at work in this process. A queue is taken
 * up at the first call that names it; each one on its own, so that a slow one
 * holds up nobody else.
 */
export class QueueManager {
  readonly #deps: EngineDeps;
  readonly #store: QueueStore;
  readonly #storages: readonly PartitionStorage[];
  readonly #places: PartitionPlaces;
  readonly #running = new Map<string, LogicalQueue>();
  readonly #loading = new Map<string, Promise<LogicalQueue>>();
  /** Names of queues that are being deleted. */
  readonly #ending = new Set<string>();
  readonly #changes: NameLocks;
  readonly #refreshes = new SharedLooks((name) => this.#lookAt(name));
  /** Calls on the place of queues' settings, which the end waits for. */
  readonly #settingsCalls = new InFlight();
  readonly #settings: SettingsWatch;
  readonly #deletion: QueueDeletion;
  readonly #takenUp: (queue: LogicalQueue) => void;
  #shuttingDown: Promise<void> | undefined;

  /**
   * @param queueSignals of the storage that holds `store`.
   * @param takenUp told of each queue once it is at work, before any call that
   *   comes after.
   */
  constructor(
    deps: EngineDeps,
    store: QueueStore,
    storages: readonly PartitionStorage[],
    queueSignals: StorageSignals | undefined,
    takenUp: (queue: LogicalQueue) => void,
  ) {
    this.#deps = deps;
    this.#takenUp = takenUp;
    this.#store = store;
    this.#storages = storages;
    this.#changes = new NameLocks(deps.clock, deps.limits.changeWaitMs);
    this.#places = new PartitionPlaces({
      engine: deps,
      backends: storages.map(({ backend }) => backend),
      isThere: (queue) => this.#isThere(queue),
      wasDeleted: (name, createdAt) => store.wasDeleted(name, createdAt),
    });
    this.#settings = new SettingsWatch({
      engine: deps,
      store,
      signals: queueSignals,
      running: () => [...this.#running.values()].map(({ queue }) => queue),
      refresh: (name) => this.#refresh(name),
    });
    this.#deletion = new QueueDeletion({
      store,
      logger: deps.logger,
      end: (name) => this.#end(name),
      ended: (name) => this.#ended(name),
      places: this.#places,
    });
  }

  /** The queues at work in this process. */
  get running(): Iterable<LogicalQueue> {
    return this.#running.values();
  }

  /** The queue of that name, where it is at work in this process. */
  runningQueue(name: string): LogicalQueue | undefined {
    return this.#running.get(name);
  }

  /**
   * The queue of that name where a call can go on at once: it is at work here,
   * and what is known of it is current.
   *
   * @throws QueueError `failed` during shutdown.
   */
  atWork(name: string): LogicalQueue | undefined {
    this.checkRunning();
    return this.#settings.untilCurrent() === undefined ? this.#running.get(name) : undefined;
  }

  /**
   * The queue of that name, at work; a promise only where it has to be taken
   * up first, or where this process slept and has to catch up.
   *
   * @throws QueueError `failed` during shutdown, `invalid` when there is no
   *   such queue.
   */
  get(name: string): LogicalQueue | Promise<LogicalQueue> {
    this.checkRunning();
    // Where settings cannot be read, those of before are better than no answer.
    return this.#settings.untilCurrent()?.then(() => this.#take(name)) ?? this.#take(name);
  }

  /**
   * Reads something of the queue of that name. Storage refuses that where
   * another process has deleted the queue, or made it anew: then what is there
   * now is read.
   *
   * @throws what `read` throws; QueueError as `get`.
   */
  async reading<T>(name: string, read: (queue: LogicalQueue) => Promise<T>): Promise<T> {
    const queue = await this.get(name);
    try {
      return await read(queue);
    } catch (error) {
      if (!(error instanceof StorageError)) throw error;
      await this.#refresh(name);
      if (this.#running.get(name) === queue) throw error;
      return read(await this.get(name));
    }
  }

  /** @throws QueueError `failed` during shutdown. */
  checkRunning(): void {
    if (this.#shuttingDown !== undefined) throw new QueueError('failed', MESSAGES.serviceShutdown);
  }

  /**
   * Whether the name is that of a queue at work in this process that is still
   * there. One that another process has deleted is given up. Call it in
   * `changing`.
   */
  async isTaken(name: string): Promise<boolean> {
    const queue = this.#running.get(name);
    if (queue === undefined) return false;
    const stored = await this.#store.get(name);
    if (!isSame(stored, queue.queue)) await this.#catchUp(queue, stored);
    return stored !== undefined;
  }

  /** What is stored of the queue, now. @throws QueueError `invalid` when there is no such queue. */
  async info(name: string): Promise<Queue> {
    checkQueueKnown(name);
    const stored = await this.#settingsCalls.run(() => this.#store.get(name));
    if (stored === undefined) throw unknownQueue(name);
    return stored;
  }

  /** A page of the queues that are stored. */
  list(request: QueueListRequest): Promise<readonly Queue[]> {
    return this.#settingsCalls.run(() => this.#store.list(request));
  }

  /**
   * Runs `change` when earlier changes of these queues by this process are
   * done: what it checks of them stays true until it ends.
   *
   * @param deadQueue empty: there is none.
   */
  changing<T>(name: string, deadQueue: string, change: () => Promise<T>): Promise<T> {
    const names = deadQueue === '' ? [name] : [name, deadQueue];
    return this.#settingsCalls.run(() => this.#changes.run(names, change));
  }

  /**
   * Stores a queue whose settings have been checked. Call it in `changing`.
   *
   * @throws QueueError `invalid` when the name is taken, or the placement of
   *   the partitions is wrong.
   */
  async create(queue: QueueToCreate): Promise<Queue> {
    const partitions = queue.partitions ?? (await this.#place(queue.requestedPartitions));
    checkPlacement(partitions, (name) => this.#storages.some(({ backend }) => backend.name === name));
    const stored = await this.#store.create({ ...queue, partitions }, (relations) =>
      checkDeadQueueRelations(queue.name, queue.deadQueue, relations),
    );
    this.#deadQueueAppeared(stored.name);
    this.#settings.changed(stored.name);
    return stored;
  }

  #place(requested: number): Promise<readonly PartitionPlacement[]> {
    const storages = this.#storages.map(({ backend, affinity }) => ({ name: backend.name, affinity }));
    return placeNewPartitions(requested, storages, this.#store);
  }

  /**
   * Checks the rules about a dead-letter queue as things stand now, for the
   * documented order of errors; `create` checks them once more where it counts.
   *
   * @throws QueueError `invalid` when the dead-letter queue breaks a rule.
   */
  async checkDeadQueue(name: string, deadQueue: string): Promise<void> {
    checkDeadQueueName(name, deadQueue);
    if (deadQueue === '') return;
    const target = await this.#store.get(deadQueue);
    const usedBy = await this.#store.findByDeadQueue(name);
    checkDeadQueueRelations(name, deadQueue, { deadQueue: target, deadQueueEnds: false, usedBy });
  }

  /**
   * Changes a queue's settings, in storage and at work. Call it in `changing`.
   *
   * @param deadQueue the one that `change` sets, its name checked; empty: none.
   * @throws what `change` throws; QueueError `invalid` when there is no such
   *   queue, or when the dead-letter queue breaks a rule.
   */
  async update(name: string, deadQueue: string, change: (stored: Queue) => QueueSettings): Promise<Queue> {
    const checkedChange = (stored: Queue, relations: QueueRelations | undefined) => {
      if (relations !== undefined) checkDeadQueueRelations(name, deadQueue, relations);
      return { ...stored, ...change(stored) };
    };
    const updated = await this.#store.update(name, checkedChange, deadQueue);
    if (updated === undefined) throw unknownQueue(name);
    // A queue that is just being taken up may have read the settings before they changed.
    const queue = this.#running.get(name) ?? (await this.#loading.get(name)?.catch(() => undefined));
    if (queue !== undefined) await this.#catchUp(queue, updated);
    this.#settings.changed(name);
    return updated;
  }

  /**
   * Removes a queue with all its items. Those who wait on it are answered
   * `failed`.
   *
   * Items go first: if that fails half-way the queue is still there to be
   * deleted again, and no items are left behind that a later queue of the same
   * name would find.
   *
   * @throws QueueError `invalid` when there is no such queue, or when another
   *   one uses it for its dead letters and `force` is not set.
   */
  delete(name: string, force: boolean): Promise<void> {
    return this.changing(name, '', async () => {
      this.checkRunning();
      await this.#reread(name);
      return this.#deletion.run(await this.info(name), force);
    });
  }

  /** Refuses what is new, answers what waits, finishes what runs. Twice is once. */
  shutdown(): Promise<void> {
    this.#shuttingDown ??= this.#shutdown();
    return this.#shuttingDown;
  }

  /** The queue is no longer at work here; the next call that names it takes it up anew. */
  #letGo(queue: LogicalQueue): void {
    const { name } = queue.queue;
    if (this.#running.get(name) !== queue) return;
    this.#running.delete(name);
    this.#settings.remove(name);
  }

  /** Another process may have changed or deleted the queue. @returns whether it is known now. Never rejects. */
  #refresh(name: string): Promise<boolean> {
    return this.#refreshes.at(name);
  }

  async #lookAt(name: string): Promise<boolean> {
    try {
      await this.changing(name, '', () => this.#reread(name));
      return true;
    } catch (error) {
      this.#deps.logger.debug('could not look what became of a queue', { queue: name, err: error });
      return false;
    }
  }

  /** Reads what is stored of a queue at work here. Call it in `changing`. */
  async #reread(name: string): Promise<void> {
    const queue = this.#running.get(name);
    if (queue === undefined || this.#shuttingDown !== undefined) return;
    const stored = await this.#store.get(name);
    if (!isSame(stored, queue.queue)) await this.#catchUp(queue, stored);
  }

  /** Goes on with a queue as it is stored; one that was deleted, or deleted and created anew, ends here. */
  async #catchUp(queue: LogicalQueue, stored: Queue | undefined): Promise<void> {
    if (stored?.createdAt === queue.queue.createdAt) return queue.updated(stored);
    // Those who wait are told as if it had been done here.
    this.#deps.logger.info('queue was deleted by another process', { queue: queue.queue.name });
    await queue.stop();
    this.#letGo(queue);
  }

  async #shutdown(): Promise<void> {
    // A queue that is just being taken up ends with the others.
    await Promise.allSettled(this.#loading.values());
    await this.#settings.stop();
    const stopped = [...this.#running.values()].map((queue) => queue.stop());
    await Promise.all([...stopped, this.#settingsCalls.settled()]);
    await this.#places.stop();
  }

  /** A queue that is to be deleted ends here, and is not taken up again meanwhile. */
  async #end(name: string): Promise<void> {
    this.#ending.add(name);
    const queue = this.#running.get(name) ?? (await this.#loading.get(name)?.catch(() => undefined));
    await queue?.stop();
  }

  #ended(name: string): void {
    this.#ending.delete(name);
    const queue = this.#running.get(name);
    if (queue !== undefined) this.#letGo(queue);
    this.#settings.changed(name);
  }

  #take(name: string): LogicalQueue | Promise<LogicalQueue> {
    return this.#running.get(name) ?? this.#loading.get(name) ?? this.#startLoading(name);
  }

  #startLoading(name: string): Promise<LogicalQueue> {
    // Whoever was let in before the shutdown may have waited for a look since.
    this.checkRunning();
    if (this.#ending.has(name)) throw new QueueError('failed', MESSAGES.queueShutdown);
    const loading = this.#load(name).finally(() => this.#loading.delete(name));
    this.#loading.set(name, loading);
    return loading;
  }

  async #load(name: string): Promise<LogicalQueue> {
    const stored = await this.info(name);
    const queue = new LogicalQueue(this.#deps, stored, this.#places.all(stored), {
      letterBoxes: {
        hold: async (deadQueue, items) => (await this.#lettersOf(deadQueue)).hold(items),
        deliver: async (deadQueue, ids) => (await this.#lettersOf(deadQueue)).deliver(ids),
        withdraw: async (deadQueue, ids) => (await this.#lettersOf(deadQueue)).withdraw(ids),
      },
      untilCurrent: () => this.#settings.untilCurrent(),
    });
    await queue.load();
    this.#running.set(name, queue);
    this.#settings.add(name);
    this.#takenUp(queue);
    // Between the reading of its settings and now nobody listened.
    void this.#refresh(name);
    return queue;
  }

  async #isThere({ name, createdAt }: Queue): Promise<boolean> {
    const isThere = (await this.#store.get(name))?.createdAt === createdAt;
    if (!isThere) void this.#refresh(name);
    return isThere;
  }

  async #lettersOf(deadQueue: string): Promise<IncomingLetters> {
    this.checkRunning();
    // For a sweep, which must not wait for a look: a look may end the queue, and so wait for its sweeps.
    return (await this.#take(deadQueue)).letters();
  }

  /** Queues whose dead-letter queue was deleted hold their dead items until it is there again. */
  #deadQueueAppeared(name: string): void {
    for (const queue of this.#running.values()) if (queue.queue.deadQueue === name) queue.sweepAll();
  }
}

function unknownQueue(name: string): QueueError {
  return invalid(`queue does not exist; no such queue named '${name}'`);
}

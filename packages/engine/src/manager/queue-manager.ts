import {
  type CallAudit,
  checkQueueKnown,
  type NewQueue,
  noSuchQueue,
  type PartitionPlacement,
  type Queue,
  type QueueListRequest,
  type QueueRelations,
  type QueueSettings,
  type QueueStore,
  queueShutdown,
  RunningWork,
  RunOnce,
  StorageError,
  type StorageSignals,
  serviceShutdown,
} from '@querator/core';
import type { DeadLetterTargets } from '../dead-letters/dead-letter.ts';
import type { PreparedLetters } from '../dead-letters/prepared-letters.ts';
import type { EngineDeps } from '../engine-deps.ts';
import { LogicalQueue } from '../queue/logical-queue.ts';
import { checkDeadQueueRelations } from '../rules/dead-queue-rules.ts';
import { queueChanges } from '../rules/queue-changes.ts';
import { NameLocks } from './name-locks.ts';
import { type PartitionStorage, Placements } from './placements.ts';
import { type DeletionRules, QueueDeletion } from './queue-deletion.ts';
import { isSame, SettingsWatch } from './settings-watch.ts';
import { SharedRefreshes } from './shared-refreshes.ts';

/** A new queue. The manager places its partitions unless it brings placements. */
export interface QueueToCreate extends Omit<NewQueue, 'partitions'> {
  readonly partitions?: readonly PartitionPlacement[] | undefined;
  /** See core's `QueueStore.create`. */
  readonly namespaceMustExist?: boolean;
}

export interface QueueManagerDeps {
  readonly engine: EngineDeps;
  readonly store: QueueStore;
  readonly storages: readonly PartitionStorage[];
  /** The signals of the storage that holds `store`. */
  readonly queueSignals: StorageSignals | undefined;
  /** Called with each queue once it is active, before any later call. */
  readonly activated: (queue: LogicalQueue) => void;
  /** Called with the name of each queue that this process has created, changed or deleted. */
  readonly changed: (name: string) => void;
}

/**
 * The stored queues, and the active ones in this process. The first call that
 * names a queue activates it. Activations are independent, so that a slow one
 * does not delay the others.
 */
export class QueueManager {
  readonly #deps: EngineDeps;
  readonly #store: QueueStore;
  readonly placements: Placements;
  readonly #running = new Map<string, LogicalQueue>();
  readonly #loading = new Map<string, Promise<LogicalQueue>>();
  /** Names of queues that are being deleted. */
  readonly #ending = new Set<string>();
  readonly #changes: NameLocks;
  readonly #refreshes = new SharedRefreshes((name) => this.#tryReread(name));
  /** Calls to the queue store, which the shutdown waits for. */
  readonly #settingsCalls = new RunningWork();
  readonly #settings: SettingsWatch;
  readonly #deletion: QueueDeletion;
  readonly #deadLetters: DeadLetterTargets = {
    prepare: async (deadQueue, items, from) => (await this.#lettersOf(deadQueue)).prepare(items, from),
    commit: async (deadQueue, ids) => (await this.#lettersOf(deadQueue)).commit(ids),
    abort: async (deadQueue, ids) => (await this.#lettersOf(deadQueue)).abort(ids),
  };
  readonly #activated: (queue: LogicalQueue) => void;
  readonly #shuttingDown = new RunOnce(() => this.#shutdown());

  constructor({ engine, store, storages, queueSignals, activated, changed }: QueueManagerDeps) {
    this.#deps = engine;
    this.#activated = activated;
    this.#store = store;
    this.#changes = new NameLocks(engine.clock, engine.limits.changeWaitMs);
    this.placements = new Placements({
      engine,
      storages,
      store,
      isThere: (queue) => this.#isThere(queue),
      wasDeleted: (name, createdAt) => store.wasDeleted(name, createdAt),
    });
    this.#settings = new SettingsWatch({
      engine,
      store,
      signals: queueSignals,
      changed,
      running: () => [...this.#running.values()].map(({ queue }) => queue),
      refresh: (name) => this.refresh(name),
    });
    this.#deletion = new QueueDeletion({
      store,
      logger: engine.logger,
      clock: engine.clock,
      random: engine.random,
      limits: engine.limits,
      stop: (name) => this.#stopForDeletion(name),
      ended: (name) => this.#deletionEnded(name),
      placements: this.placements,
    });
  }

  /** The active queues. */
  get running(): Iterable<LogicalQueue> {
    return this.#running.values();
  }

  /** The active queue of that name. */
  runningQueue(name: string): LogicalQueue | undefined {
    return this.#running.get(name);
  }

  /**
   * The queue of that name if a call can use it at once. It is then active, and
   * its known settings are current.
   *
   * @throws QueueError `failed` during shutdown.
   */
  ready(name: string): LogicalQueue | undefined {
    this.checkRunning();
    return this.#settings.untilCurrent() === undefined ? this.#running.get(name) : undefined;
  }

  /**
   * The active queue of that name. A promise only if the queue must be activated
   * first, or if the process was suspended and must poll settings.
   *
   * @throws QueueError `failed` during shutdown, `invalid` when there is no
   *   such queue.
   */
  get(name: string): LogicalQueue | Promise<LogicalQueue> {
    this.checkRunning();
    // If settings cannot be read, the known ones are better than no answer.
    return this.#settings.untilCurrent()?.then(() => this.#find(name)) ?? this.#find(name);
  }

  /**
   * Runs `read` on the queue of that name. Storage refuses the read if another
   * process has deleted the queue or created it anew. Then `read` runs once more
   * on the queue that is stored now.
   *
   * @throws what `read` throws; QueueError as `get`.
   */
  async reading<T>(name: string, read: (queue: LogicalQueue) => Promise<T>): Promise<T> {
    const queue = await this.get(name);
    try {
      return await read(queue);
    } catch (error) {
      if (!(error instanceof StorageError)) throw error;
      await this.refresh(name);
      if (this.#running.get(name) === queue) throw error;
      return read(await this.get(name));
    }
  }

  /** @throws QueueError `failed` during shutdown. */
  checkRunning(): void {
    if (this.#shuttingDown.hasBegun) throw serviceShutdown();
  }

  /**
   * Whether an active queue of that name is still stored. Stops it if another
   * process has deleted it. Call it in `changing`.
   */
  async isTaken(name: string): Promise<boolean> {
    const queue = this.#running.get(name);
    if (queue === undefined) return false;
    const stored = await this.#store.get(name);
    if (!isSame(stored, queue.queue)) await this.#catchUp(queue, stored);
    return stored !== undefined;
  }

  /** The queue as it is stored now. @throws QueueError `invalid` when there is no such queue. */
  async info(name: string): Promise<Queue> {
    checkQueueKnown(name);
    const stored = await this.find(name);
    if (stored === undefined) throw noSuchQueue(name);
    return stored;
  }

  /** The queue as it is stored now; undefined if there is none. */
  find(name: string): Promise<Queue | undefined> {
    return this.#settingsCalls.run(() => this.#store.get(name));
  }

  /** A page of the stored queues. */
  list(request: QueueListRequest): Promise<readonly Queue[]> {
    return this.#settingsCalls.run(() => this.#store.list(request));
  }

  /**
   * Runs `change` after earlier changes of these queues by this process. What
   * `change` checks stays true until it ends.
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
   *   the partitions is invalid.
   */
  async create({ namespaceMustExist, ...queue }: QueueToCreate, audit?: CallAudit): Promise<Queue> {
    const partitions = queue.partitions ?? (await this.placements.choose(queue.requestedPartitions));
    this.placements.check(partitions);
    const check = (relations: QueueRelations) =>
      checkDeadQueueRelations(queue.name, queue.deadQueue, relations);
    const stored = await this.#store.create({ ...queue, partitions }, check, audit?.storedEvent, {
      namespaceMustExist,
    });
    // These kept their dead items because their dead-letter queue was deleted.
    for (const queue of this.#running.values()) if (queue.queue.deadQueue === stored.name) queue.sweepAll();
    this.#settings.changed(stored.name);
    return stored;
  }

  /**
   * Changes a queue's settings, stored and active. Call it in `changing`.
   *
   * @param deadQueue the dead-letter queue that `change` sets, its name checked; empty: none.
   * @param audit gets what changed.
   * @throws what `change` throws; QueueError `invalid` when there is no such
   *   queue, or when the dead-letter queue breaks a rule.
   */
  async update(
    name: string,
    deadQueue: string,
    change: (stored: Queue) => QueueSettings,
    audit?: CallAudit,
  ): Promise<Queue> {
    const checkedChange = (stored: Queue, relations: QueueRelations | undefined) => {
      if (relations !== undefined) checkDeadQueueRelations(name, deadQueue, relations);
      const settings = change(stored);
      audit?.add({ changes: queueChanges(stored, settings) });
      return { ...stored, ...settings };
    };
    const updated = await this.#store.update(name, checkedChange, deadQueue, audit?.storedEvent);
    return this.changed(name, updated);
  }

  /**
   * Puts a stored change of this process into force. Call it in `changing`.
   *
   * @param updated the queue as stored. Undefined: there is none.
   * @throws QueueError `invalid` when there is none.
   */
  async changed(name: string, updated: Queue | undefined): Promise<Queue> {
    if (updated === undefined) throw noSuchQueue(name);
    // An activation in progress may have read the settings before they changed.
    const queue = this.#running.get(name) ?? (await this.#loading.get(name)?.catch(() => undefined));
    if (queue !== undefined) await this.#catchUp(queue, updated);
    this.#settings.changed(name);
    return updated;
  }

  /**
   * Removes a queue with all its items. Its pending requests are answered
   * `failed`.
   *
   * Removes the items first. If that fails, the queue can be deleted again. A
   * later queue of the same name finds no old items.
   *
   * @throws QueueError `invalid` when there is no such queue. Without `force`,
   *   also when it is the dead-letter queue of another one. With `onlyEmpty`, also
   *   when it holds items.
   */
  delete(name: string, rules: DeletionRules): Promise<void> {
    return this.changing(name, '', async () => {
      this.checkRunning();
      await this.#reread(name);
      return this.#deletion.run(await this.info(name), rules);
    });
  }

  /** Reads a queue that another process may have changed. @returns whether it succeeded. Never rejects. */
  refresh(name: string): Promise<boolean> {
    return this.#refreshes.start(name);
  }

  /** Refuses new calls, answers pending requests, waits for running work. A second call joins the first. */
  shutdown(): Promise<void> {
    return this.#shuttingDown.run();
  }

  /** The queue is no longer active. The next call that names it activates it anew. */
  #deactivated(queue: LogicalQueue): void {
    const { name } = queue.queue;
    if (this.#running.get(name) !== queue) return;
    this.#running.delete(name);
    this.#settings.remove(name);
  }

  async #tryReread(name: string): Promise<boolean> {
    try {
      await this.changing(name, '', () => this.#reread(name));
      return true;
    } catch (error) {
      this.#deps.logger.debug('could not refresh a queue', { queue: name, err: error });
      return false;
    }
  }

  /** Reads the stored settings of an active queue. Call it in `changing`. */
  async #reread(name: string): Promise<void> {
    const queue = this.#running.get(name);
    if (queue === undefined || this.#shuttingDown.hasBegun) return;
    const stored = await this.#store.get(name);
    if (!isSame(stored, queue.queue)) await this.#catchUp(queue, stored);
  }

  /** Applies the stored settings. Stops a queue that was deleted, or deleted and created anew. */
  async #catchUp(queue: LogicalQueue, stored: Queue | undefined): Promise<void> {
    if (stored?.createdAt === queue.queue.createdAt) return queue.updated(stored);
    // Pending requests are answered as after a deletion by this process.
    this.#deps.logger.info('queue was deleted by another process', { queue: queue.queue.name });
    const stopped = queue.stop();
    // Statements in flight may take long. New requests must not wait for them, nor be refused: a new queue may be stored.
    this.#deactivated(queue);
    await stopped;
  }

  async #shutdown(): Promise<void> {
    // Queues that are being activated stop with the others.
    await Promise.allSettled(this.#loading.values());
    await this.#settings.stop();
    const stopped = [...this.#running.values()].map((queue) => queue.stop());
    await Promise.all([...stopped, this.#settingsCalls.idle()]);
    await this.placements.stop();
  }

  /** Stops a queue for its deletion, and prevents its activation until then. */
  async #stopForDeletion(name: string): Promise<void> {
    this.#ending.add(name);
    const queue = this.#running.get(name) ?? (await this.#loading.get(name)?.catch(() => undefined));
    await queue?.stop();
  }

  #deletionEnded(name: string): void {
    this.#ending.delete(name);
    const queue = this.#running.get(name);
    if (queue !== undefined) this.#deactivated(queue);
    this.#settings.changed(name);
  }

  #find(name: string): LogicalQueue | Promise<LogicalQueue> {
    return this.#running.get(name) ?? this.#loading.get(name) ?? this.#startLoading(name);
  }

  #startLoading(name: string): Promise<LogicalQueue> {
    // The call may have waited for a refresh since before the shutdown.
    this.checkRunning();
    if (this.#ending.has(name)) throw queueShutdown();
    const loading = this.#load(name).finally(() => this.#loading.delete(name));
    this.#loading.set(name, loading);
    return loading;
  }

  async #load(name: string): Promise<LogicalQueue> {
    const stored = await this.info(name);
    const queue = new LogicalQueue(stored, {
      engine: this.#deps,
      placements: (each) => this.placements.all(each),
      refresh: () => this.refresh(name),
      deadLetters: this.#deadLetters,
      untilCurrent: () => this.#settings.untilCurrent(),
    });
    await queue.load();
    this.#running.set(name, queue);
    this.#settings.add(name);
    this.#activated(queue);
    // Changes since its settings were read were not noticed.
    void this.refresh(name);
    return queue;
  }

  async #isThere({ name, createdAt }: Queue): Promise<boolean> {
    const stored = await this.#store.get(name);
    const isThere = stored?.createdAt === createdAt && stored.closure === undefined;
    if (!isThere) void this.refresh(name);
    return isThere;
  }

  async #lettersOf(deadQueue: string): Promise<PreparedLetters> {
    this.checkRunning();
    // A sweep must not wait for a refresh, which may stop the queue, and the stop waits for sweeps.
    return (await this.#find(deadQueue)).letters();
  }
}

import {
  type CancelTimer,
  type Clock,
  errorText,
  type InstanceView,
  type Logger,
  QueueError,
  type QueueStore,
  RunOnce,
  SharedRun,
  SYSTEM_NAMESPACE,
  type Task,
  type TaskStore,
  verbatim,
} from '@querator/core';
import type { PartitionStorage } from '../../manager/placements.ts';
import { placingServers } from './draining.ts';

/** How often the watch looks at a storage that is not empty. */
const LOOK_MS = 5_000;
/** The same once it can be switched off. */
const EMPTY_LOOK_MS = 30_000;
/** The most running moves that a look reads. */
const MOVES_READ = 1_000;

/** How far a storage has been drained, as this process saw it last. */
export interface DrainState {
  readonly storage: string;
  /** The partitions that are on it. Undefined: they could not be counted yet. */
  readonly partitions: number | undefined;
  /** What is left on it, or prevents it from becoming empty, in words. */
  readonly holds: readonly string[];
  /** Whether it holds nothing that is needed, and gets nothing. */
  readonly canBeSwitchedOff: boolean;
}

export interface DrainWatchDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly queueStore: Pick<QueueStore, 'partitionCounts'>;
  /** Undefined: the storage of the queues keeps no tasks. */
  readonly store: TaskStore | undefined;
  readonly storages: readonly PartitionStorage[];
  /** The servers that run. Returns undefined until they are known. */
  readonly view: () => InstanceView | undefined;
  /** What a storage keeps besides partitions, in words. Undefined: nothing. */
  readonly alsoOn?: ((storage: string) => Promise<readonly string[]>) | undefined;
  /** Creates the task that drains a storage, unless it runs. */
  readonly createTask: (storage: string) => Promise<void>;
}

/**
 * Watches the storages that this process is configured to drain. Sees to it that a task drains
 * them, and says when they can be switched off.
 */
export class DrainWatch {
  readonly #deps: DrainWatchDeps;
  readonly #names: readonly string[];
  readonly #states = new Map<string, DrainState>();
  readonly #looks = new SharedRun(() => this.#lookAndArm());
  readonly #stopping = new RunOnce(() => this.#stop());
  #cancelTimer: CancelTimer | undefined;
  #started = false;
  /** Looks in a row that failed. */
  #failures = 0;

  constructor(deps: DrainWatchDeps) {
    this.#deps = deps;
    this.#names = deps.storages.filter(({ drain }) => drain === true).map(({ backend }) => backend.name);
  }

  /** Begins to watch. Without storages to drain it does nothing. A second call has no effect. */
  start(): void {
    if (this.#names.length === 0 || this.#started || this.#stopping.hasBegun) return;
    this.#started = true;
    void this.#looks.start();
  }

  /** How far the storages of this process have been drained. Reads memory only. */
  states(): readonly DrainState[] {
    return this.#names.map(
      (storage) =>
        this.#states.get(storage) ?? {
          ...{ storage, partitions: undefined, holds: ['it was not looked at yet'], canBeSwitchedOff: false },
        },
    );
  }

  /** Ends the watch, and waits for a look that runs. */
  stop(): Promise<void> {
    return this.#stopping.run();
  }

  async #stop(): Promise<void> {
    this.#cancelTimer?.();
    await this.#looks.idle();
  }

  async #lookAndArm(): Promise<void> {
    if (this.#stopping.hasBegun) return;
    const { clock, logger } = this.#deps;
    try {
      const counts = await this.#deps.queueStore.partitionCounts();
      const moves = await this.#moves();
      for (const storage of this.#names) await this.#look(storage, counts.get(storage) ?? 0, moves);
      this.#failures = 0;
    } catch (error) {
      if (this.#failures++ === 0)
        logger.warn('what is on a storage that drains cannot be read', { err: error });
    }
    if (this.#stopping.hasBegun) return;
    const areEmpty = this.states().every(({ canBeSwitchedOff }) => canBeSwitchedOff);
    const pauseMs = areEmpty && this.#failures === 0 ? EMPTY_LOOK_MS : LOOK_MS;
    this.#cancelTimer = clock.startTimer(pauseMs, () => void this.#looks.start());
  }

  /** The moves of partitions that run. */
  async #moves(): Promise<readonly Task[]> {
    const all = { namespaces: undefined, queue: undefined, after: undefined };
    const found = { ...all, kind: 'move_partition', state: 'running', limit: MOVES_READ } as const;
    return (await this.#deps.store?.list(found)) ?? [];
  }

  async #look(storage: string, partitions: number, moves: readonly Task[]): Promise<void> {
    const { alsoOn, view } = this.#deps;
    const holds = [
      ...(partitions > 0 ? await this.#drain(storage, partitions) : []),
      ...endsThere(moves, storage),
      ...placingServers(view(), storage),
      ...((await alsoOn?.(storage)) ?? []),
    ];
    this.#see({ storage, partitions, holds, canBeSwitchedOff: holds.length === 0 });
  }

  /** Lets a task move the partitions. @returns what is left, and what prevents that. */
  async #drain(storage: string, partitions: number): Promise<readonly string[]> {
    const left = partitions === 1 ? '1 partition is left' : `${partitions} partitions are left`;
    const { store, createTask } = this.#deps;
    if (store === undefined)
      return [left, 'the storage of the queues keeps no tasks, so partitions cannot move'];
    const task = await this.#task(storage, store);
    if (task?.error !== undefined) return [left, task.error];
    if (task !== undefined) return [left];
    try {
      await createTask(storage);
      return [left];
    } catch (error) {
      if (!(error instanceof QueueError)) throw error;
      return [left, error.message];
    }
  }

  async #task(storage: string, store: TaskStore): Promise<Task | undefined> {
    const all = { namespaces: [SYSTEM_NAMESPACE], queue: undefined, after: undefined };
    const running = await store.list({ ...all, kind: 'drain', state: 'running', limit: MOVES_READ });
    return running.find(({ parameters, dryRun }) => !dryRun && storageOf(parameters) === storage);
  }

  #see(state: DrainState): void {
    const { logger } = this.#deps;
    const { storage, partitions, holds } = state;
    const before = this.#states.get(storage);
    this.#states.set(storage, state);
    const said = holds.join('; ');
    if (state.canBeSwitchedOff) {
      if (before?.canBeSwitchedOff !== true)
        logger.info('storage is empty and can be switched off', { storage });
      return;
    }
    if (before === undefined) logger.info('storage drains', { storage, partitions, left: said });
    if (before?.canBeSwitchedOff === true)
      logger.warn('storage cannot be switched off any more', { storage, partitions, left: said });
    const other = (of: DrainState) => of.holds.filter((text) => !text.endsWith('left')).join('; ');
    if (before !== undefined && !before.canBeSwitchedOff && other(before) !== other(state))
      logger.info('storage drains', { storage, partitions, left: said });
  }
}

/** The moves from or to a storage, in words. A move that has switched still empties its source. */
function endsThere(moves: readonly Task[], storage: string): readonly string[] {
  const at = moves.filter(({ parameters, dryRun }) => {
    const { from, to } = parameters as { readonly from?: unknown; readonly to?: unknown };
    return !dryRun && (from === storage || to === storage);
  });
  const [first] = at;
  if (first === undefined) return [];
  const more = at.length === 1 ? '' : `, and ${at.length - 1} more`;
  return [errorText`task ${verbatim(first.id)} moves a partition of queue '${first.queue}'${verbatim(more)}`];
}

function storageOf(parameters: Task['parameters']): unknown {
  return (parameters as { readonly storage?: unknown }).storage;
}

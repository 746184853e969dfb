import type {
  Instant,
  PartitionOwner,
  PartitionPlacement,
  Queue,
  QueueStore,
  StorageBackend,
} from '@querator/core';
import { hasTie, placePartitions } from '@querator/router';
import type { EngineDeps } from '../engine-deps.ts';
import { type LimitedCalls, StorageLimits } from '../partition/storage-limits.ts';
import { Poller } from '../polling/poller.ts';
import type { Placement } from '../queue/placement.ts';
import { checkPlacement } from '../rules/placement-rules.ts';
import { missingStorage } from './missing-storage.ts';

/** A storage that holds partitions, and its share of new ones. */
export interface PartitionStorage {
  readonly backend: StorageBackend;
  /** Its weight among all storages; 0: takes no new partitions. */
  readonly affinity: number;
  /** Whether its partitions are to move to other storages. Undefined: no. */
  readonly drain?: boolean | undefined;
}

/** One storage in this process. */
interface ActiveStorage {
  readonly backend: StorageBackend;
  readonly poller: Poller;
  readonly limits: StorageLimits;
}

export interface PlacementsDeps {
  readonly engine: EngineDeps;
  readonly storages: readonly PartitionStorage[];
  readonly store: Pick<QueueStore, 'partitionCounts'>;
  /** Whether exactly that queue is still stored, not a later one of its name. */
  readonly isThere: (queue: Queue) => Promise<boolean>;
  /** See `QueueStore.wasDeleted`. */
  readonly wasDeleted: (name: string, createdAt: Instant) => Promise<boolean>;
}

/** Knows the configured storages: places new partitions, and finds the stores of existing ones. */
export class Placements {
  readonly #deps: PlacementsDeps;
  readonly #storages: ReadonlyMap<string, ActiveStorage>;

  constructor(deps: PlacementsDeps) {
    this.#deps = deps;
    this.#storages = new Map(
      deps.storages.map(({ backend }) => [
        backend.name,
        { backend, poller: new Poller(deps.engine, backend), limits: new StorageLimits() },
      ]),
    );
  }

  /**
   * Chooses the storages of new partitions. Reads how many partitions each
   * storage holds only to break a tie. Two creations at once may both choose the
   * same storage, which does no harm.
   *
   * @throws StorageError when the counts cannot be read.
   */
  async choose(partitions: number): Promise<readonly PartitionPlacement[]> {
    const storages = this.#deps.storages.map(({ backend, affinity }) => ({ name: backend.name, affinity }));
    if (!hasTie(partitions, storages)) return placePartitions(partitions, storages);
    const counts = await this.#deps.store.partitionCounts();
    return placePartitions(
      partitions,
      storages.map((storage) => ({ ...storage, partitions: counts.get(storage.name) ?? 0 })),
    );
  }

  /** @throws QueueError `invalid`, see `checkPlacement`. */
  check(partitions: readonly PartitionPlacement[]): void {
    checkPlacement(partitions, (storageName) => this.#storages.has(storageName));
  }

  /** The partitions of a queue whose storage is not configured. */
  unreachable({ partitions }: Queue): readonly PartitionPlacement[] {
    return partitions.filter(({ storageName }) => !this.#storages.has(storageName));
  }

  /** The placements of the other partitions. */
  reachable(queue: Queue): readonly Placement[] {
    const find = this.#finder(queue);
    return queue.partitions.flatMap((placement) => find(placement) ?? []);
  }

  /** The placements of all partitions, in order. If the storage is not configured, every call fails. */
  all(queue: Queue): readonly Placement[] {
    const find = this.#finder(queue);
    return queue.partitions.map((placement) => {
      const found = find(placement);
      if (found !== undefined) return found;
      const { partition: number, storageName } = placement;
      const where = { queue: queue.name, partition: number, storage: storageName };
      this.#deps.engine.logger.error('partition is on a storage that is not configured', where);
      const limited = new StorageLimits().forQueue();
      return { number, storageName, store: missingStorage(storageName), limited };
    });
  }

  /** Ends the polls of all storages, and waits for running ones. */
  async stop(): Promise<void> {
    await Promise.all([...this.#storages.values()].map(({ poller }) => poller.stop()));
  }

  /** The partitions of one queue on one storage share their turns at its concurrency limits. */
  #finder(queue: Queue): (placement: PartitionPlacement) => Placement | undefined {
    const owner: PartitionOwner = {
      createdAt: queue.createdAt,
      isThere: () => this.#deps.isThere(queue),
      wasDeleted: (createdAt) => this.#deps.wasDeleted(queue.name, createdAt),
    };
    const limitedOn = new Map<string, LimitedCalls>();
    return ({ partition, storageName }) => {
      const storage = this.#storages.get(storageName);
      if (storage === undefined) return undefined;
      const limited = limitedOn.get(storageName) ?? storage.limits.forQueue();
      limitedOn.set(storageName, limited);
      const store = storage.backend.partitionStore({ queue: queue.name, partition }, owner);
      const now = storage.backend.now?.bind(storage.backend);
      return { number: partition, storageName, store, limited, now, poller: storage.poller };
    };
  }
}

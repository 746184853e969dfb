import type { Instant, PartitionOwner, PartitionPlacement, Queue, StorageBackend } from '@querator/core';
import type { EngineDeps } from '../engine-options.ts';
import { StorageGates, type Turns } from '../partition/storage-limits.ts';
import { Lookout } from '../polling/poller.ts';
import type { PartitionPlace } from '../queue/active-partition.ts';
import { missingStorage } from './missing-storage.ts';

/** What all partitions on one storage share in this process. */
interface Shared {
  readonly backend: StorageBackend;
  readonly lookout: Lookout;
  readonly gates: StorageGates;
}

/** What the places of queues' partitions are made from. */
export interface PartitionPlacesDeps {
  readonly engine: EngineDeps;
  readonly backends: readonly StorageBackend[];
  /** Whether that very queue, and not a later one of its name, is still stored. */
  readonly isThere: (queue: Queue) => Promise<boolean>;
  /** As of `QueueStore`. */
  readonly wasDeleted: (name: string, createdAt: Instant) => Promise<boolean>;
}

/** Finds the storages of queues' partitions. */
export class PartitionPlaces {
  readonly #deps: PartitionPlacesDeps;
  readonly #storages: ReadonlyMap<string, Shared>;

  constructor(deps: PartitionPlacesDeps) {
    this.#deps = deps;
    this.#storages = new Map(
      deps.backends.map((backend) => [
        backend.name,
        { backend, lookout: new Lookout(deps.engine, backend), gates: new StorageGates() },
      ]),
    );
  }

  /** Whether a storage of that name is configured. */
  isConfigured(storageName: string): boolean {
    return this.#storages.has(storageName);
  }

  /** The places of a queue's partitions, in their order. Where the storage is not configured, every call fails. */
  all(queue: Queue): readonly PartitionPlace[] {
    const placeOf = this.#placer(queue);
    return queue.partitions.map((placement) => {
      const place = placeOf(placement);
      if (place !== undefined) return place;
      const { partition, storageName } = placement;
      const where = { queue: queue.name, partition, storage: storageName };
      this.#deps.engine.logger.error('partition is on a storage that is not configured', where);
      return { store: missingStorage(storageName), turns: new StorageGates().turns() };
    });
  }

  /** The places of those partitions whose storage is configured. */
  reachable(queue: Queue): readonly PartitionPlace[] {
    const placeOf = this.#placer(queue);
    return queue.partitions.flatMap((placement) => placeOf(placement) ?? []);
  }

  /** Looks into no partition any more, and waits for looks under way. */
  async stop(): Promise<void> {
    await Promise.all([...this.#storages.values()].map(({ lookout }) => lookout.stop()));
  }

  /** On each storage the partitions of one queue share their turns. */
  #placer(queue: Queue): (placement: PartitionPlacement) => PartitionPlace | undefined {
    const owner: PartitionOwner = {
      createdAt: queue.createdAt,
      isThere: () => this.#deps.isThere(queue),
      wasDeleted: (createdAt) => this.#deps.wasDeleted(queue.name, createdAt),
    };
    const turnsOn = new Map<string, Turns>();
    return ({ partition, storageName }) => {
      const storage = this.#storages.get(storageName);
      if (storage === undefined) return undefined;
      const turns = turnsOn.get(storageName) ?? storage.gates.turns();
      turnsOn.set(storageName, turns);
      const store = storage.backend.partitionStore({ queue: queue.name, partition }, owner);
      return { store, turns, lookout: storage.lookout };
    };
  }
}

import {
  type Instant,
  type Logger,
  millisecondsBetween,
  type PartitionStore,
  type Queue,
  StorageError,
  within,
} from '@querator/core';
import type { EngineDeps } from '../engine-deps.ts';
import { type ClosedCall, followingStore } from '../partition/following-store.ts';
import type { ActivePartition } from './active-partition.ts';
import type { Placement } from './placement.ts';

/** How long a call waits for the switch of its partition. A switch takes a few tenths of a second. */
const FOLLOW_MS = 2_500;
/** The pause between two looks at the queue's record. */
const PAUSE_MS = 25;
/** A partition that was not found closed for this long was open in between. */
const FORGET_MS = 5_000;
/** How long one look may take. It may wait for a change of the queue that waits for the call itself. */
const LOOK_MS = 250;

export interface PartitionMovesDeps {
  readonly engine: Pick<EngineDeps, 'clock'> & { readonly logger: Logger };
  /** The placements of a queue, in the order of its partitions. */
  readonly placements: (queue: Queue) => readonly Placement[];
  /** Reads the queue's record, and puts changes into force. Never rejects. */
  readonly refresh: () => Promise<boolean>;
  readonly isStopping: () => boolean;
}

/**
 * Follows partitions that move to another storage. A call that meets a closed partition had no effect. It waits
 * until the queue's record says where the partition is, and is repeated there; or where it was, if the
 * move has gone back.
 */
export class PartitionMoves {
  readonly #deps: PartitionMovesDeps;
  /** By the number of the partition. */
  readonly #stores = new Map<number, PartitionStore>();
  /** Calls that add items to a partition from this one on go elsewhere. */
  leavesFrom = Number.POSITIVE_INFINITY;
  /** Calls whose keys were spread by an earlier change go elsewhere. */
  keySpread = 0;
  /** Since when a partition was found closed, and when last. */
  readonly #closed = new Map<number, { readonly since: Instant; readonly last: Instant }>();

  constructor(deps: PartitionMovesDeps) {
    this.#deps = deps;
  }

  /** The placements of the queue from a partition on, with stores that follow moves. */
  placementsFrom(queue: Queue, first: number): readonly Placement[] {
    return this.#deps
      .placements(queue)
      .slice(first)
      .map((placement) => this.#following(placement));
  }

  /** Puts partitions into force that have moved, as the queue's record says. */
  apply(queue: Queue, partitions: readonly ActivePartition[]): void {
    const moved = queue.partitions.filter(({ partition, storageName }) => {
      const known = partitions[partition];
      return known !== undefined && known.state.storageName !== storageName;
    });
    if (moved.length === 0) return;
    const placements = this.#deps.placements(queue);
    for (const { partition, storageName } of moved) {
      const placement = placements[partition];
      if (placement === undefined) continue;
      const from = partitions[partition]?.state.storageName;
      partitions[partition]?.relocated(this.#following(placement));
      const where = { queue: queue.name, partition, storage: storageName, from };
      this.#deps.engine.logger.info('partition has moved to another storage', where);
    }
  }

  /** The queue has lost the partition. */
  forget(number: number): void {
    this.#stores.delete(number);
  }

  #following(placement: Placement): Placement {
    const { number, store } = placement;
    this.#stores.set(number, store);
    return {
      ...placement,
      store: followingStore(store, (closed, repeat, call) => this.#follow(number, closed, repeat, call)),
    };
  }

  async #follow(
    number: number,
    closed: StorageError,
    repeat: (store: PartitionStore) => Promise<unknown>,
    { adds, keySpread = Number.POSITIVE_INFINITY }: ClosedCall,
  ): Promise<unknown> {
    const { engine, refresh, isStopping } = this.#deps;
    const { clock } = engine;
    const isOver = () => isStopping() || this.#waitedMs(number) >= FOLLOW_MS;
    do {
      const before = this.#stores.get(number);
      await within(clock, LOOK_MS, refresh());
      const store = this.#stores.get(number);
      if (store === undefined || (adds && number >= this.leavesFrom) || keySpread < this.keySpread) break;
      if (store === before && !isOver()) {
        await new Promise<void>((resolve) => void clock.startTimer(PAUSE_MS, resolve));
      }
      try {
        const answer = await repeat(store);
        this.#closed.delete(number);
        return answer;
      } catch (error) {
        if (!(error instanceof StorageError && error.closed)) throw error;
      }
    } while (!isOver());
    throw closed;
  }

  /**
   * How long the partition has been closed. A call that comes later does not wait as long as the first: it
   * must be certain at its deadline that it had no effect.
   */
  #waitedMs(number: number): number {
    const now = this.#deps.engine.clock.now();
    const known = this.#closed.get(number);
    const isSame = known !== undefined && millisecondsBetween(known.last, now) < FORGET_MS;
    const since = isSame ? known.since : now;
    this.#closed.set(number, { since, last: now });
    return millisecondsBetween(since, now);
  }
}

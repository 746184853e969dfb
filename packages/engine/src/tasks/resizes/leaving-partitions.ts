import { type MoveStore, type PartitionPlacement, type StorageBackend, unavailable } from '@querator/core';
import type { ResizeParameters } from './resize-parameters.ts';
import type { ResizeClaim, ResizeRecord } from './resize-record.ts';

export interface LeavingPartitionsDeps {
  readonly claim: ResizeClaim;
  readonly record: ResizeRecord;
  /** The partitions that the queue is to lose, in the order of their numbers. */
  readonly placements: readonly PartitionPlacement[];
  readonly moveStore: (placement: PartitionPlacement) => ReturnType<NonNullable<StorageBackend['moveStore']>>;
  /** Lets dedup keys go to the partitions that stay. @returns when the last key of each partition ends, in ms since 1970. */
  readonly moveKeys: () => Promise<ReadonlyMap<number, number>>;
  /** The clock of the partition's storage, in ms since 1970. */
  readonly nowMs: (placement: PartitionPlacement) => Promise<number>;
  /** Throws QueueError `retry` if another process may have the task. */
  readonly checkHeld: () => Promise<void>;
}

/** What one step has done. */
export interface Left {
  /** How many partitions have left. */
  readonly left: number;
  /** The partition that still holds items. Undefined: all have left. */
  readonly holdsItems: number | undefined;
  /** The empty partition whose dedup keys have not ended, and how long that takes. Undefined: there is none. */
  readonly holdsKeys?: { readonly partition: number; readonly forMs: number } | undefined;
}

/** The work of one process on partitions that a queue loses: they take no more items, become empty, and leave. */
export class LeavingPartitions {
  readonly #deps: LeavingPartitionsDeps;
  #hasBegun = false;
  #keysEnd: ReadonlyMap<number, number> = new Map();
  /** How many partitions the queue has. */
  #length: number;

  /** @param length how many partitions the queue has. */
  constructor(deps: LeavingPartitionsDeps, length: number) {
    this.#deps = deps;
    this.#length = length;
  }

  get generation(): number {
    return this.#deps.claim.generation;
  }

  /** Lets those leave that are empty, from the last one on. */
  async step(): Promise<Left> {
    const { claim, record } = this.#deps;
    if (!this.#hasBegun) {
      await this.#begin();
      await this.#deps.checkHeld();
      this.#keysEnd = await this.#deps.moveKeys();
      await this.#finish();
      this.#hasBegun = true;
    }
    let left = 0;
    for (const placement of this.#live().reverse()) {
      const moves = this.#store(placement);
      // No call can add items any more: an empty partition stays empty.
      const { items } = await moves.readItems(claim, undefined, 1);
      if (items.length > 0) return { left, holdsItems: placement.partition };
      const keysMs = await this.#untilKeysEnd(placement);
      if (keysMs > 0) {
        return { left, holdsItems: undefined, holdsKeys: { partition: placement.partition, forMs: keysMs } };
      }
      await record.remove(placement.partition);
      this.#length = placement.partition;
      await this.#close(moves);
      left++;
    }
    return { left, holdsItems: undefined };
  }

  /** The queue keeps those that have not left: they are plain partitions again. */
  async undo(): Promise<void> {
    const { claim } = this.#deps;
    this.#hasBegun = false;
    await this.#deps.checkHeld();
    for (const placement of this.#live()) {
      const moves = this.#store(placement);
      if ((await moves.resume(claim)) !== undefined) await moves.end(claim);
    }
    await this.#finish();
  }

  /** Dedup keys are looked for in the partition until they have ended. Its gate refuses new ones. */
  async #untilKeysEnd(placement: PartitionPlacement): Promise<number> {
    const endsAtMs = this.#keysEnd.get(placement.partition);
    return endsAtMs === undefined ? 0 : endsAtMs - (await this.#deps.nowMs(placement));
  }

  async #begin(): Promise<void> {
    const { claim, checkHeld } = this.#deps;
    for (const placement of this.#live()) {
      // Otherwise a partition could be closed that the queue has got again.
      await checkHeld();
      if ((await this.#store(placement).beginLeaving?.(claim)) === true) continue;
      throw unavailable('retry', 'a transaction that writes to a partition that is to leave does not end');
    }
  }

  /** The process before may have died when the queue had lost a partition that was not closed yet. */
  async #finish(): Promise<void> {
    for (const placement of this.#deps.placements) {
      if (placement.partition >= this.#length) await this.#close(this.#store(placement));
    }
  }

  /** The queue no longer has the partition. Leaves a mark, so that nobody makes it again. */
  async #close(moves: MoveStore): Promise<void> {
    const { claim } = this.#deps;
    const state = await moves.resume(claim);
    if (state === 'leaving') await moves.leave(claim);
    if (state !== undefined) await moves.end(claim);
  }

  #live(): PartitionPlacement[] {
    return this.#deps.placements.filter(({ partition }) => partition < this.#length);
  }

  #store(placement: PartitionPlacement): MoveStore {
    return this.#deps.moveStore(placement);
  }
}

/** What partitions that are to leave still hold. Undefined: all have left. */
export function remarkOn(
  { holdsItems, holdsKeys }: Left,
  { to, move }: Pick<ResizeParameters, 'to' | 'move'>,
): string | undefined {
  if (holdsItems !== undefined) {
    const more = `and then ${holdsItems - to} more`;
    return move
      ? `partition ${holdsItems} waits for leases and dead letters on their way, ${more}`
      : `consumers have to empty partition ${holdsItems} first, ${more}`;
  }
  if (holdsKeys === undefined) return undefined;
  const { partition, forMs } = holdsKeys;
  return `dedup keys in partition ${partition} last for another ${Math.ceil(forMs / 1_000)} s`;
}

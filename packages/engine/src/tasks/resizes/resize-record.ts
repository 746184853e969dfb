import {
  type KeySpread,
  type PartitionPlacement,
  type Queue,
  QueueError,
  type QueueResizes,
  type QueueSize,
  StorageError,
} from '@querator/core';
import { spreadOf } from '../../partition/queue-spread.ts';

/** The right of one process to change the number of partitions. */
export interface ResizeClaim {
  readonly task: string;
  readonly generation: number;
}

/** What a resize was meant for when its task was created. */
export interface ResizeAim {
  /** The number of partitions that the queue had. */
  readonly from: number;
  /** The number that it is to have. */
  readonly to: number;
  /** The `last` of its `resizes`. */
  readonly last: string;
}

export interface ResizeRecordDeps {
  readonly claim: ResizeClaim;
  readonly aim: ResizeAim;
  /** Changes the queue's record in one step. @returns undefined if the queue was deleted. */
  readonly resize: (change: (stored: Queue) => QueueSize) => Promise<Queue | undefined>;
  /** The record has changed. */
  readonly changed: (queue: Queue) => Promise<unknown>;
}

/** How far a resize has come, as the queue's record says. */
export type ResizeState =
  | { readonly state: 'deleted' }
  | { readonly state: 'ended' }
  | { readonly state: 'runs'; readonly queue: Queue };

/**
 * The part of a resize that is in the queue's record. A change has no effect if another process
 * works on the task, or the resize has ended.
 */
export class ResizeRecord {
  readonly #deps: ResizeRecordDeps;

  constructor(deps: ResizeRecordDeps) {
    this.#deps = deps;
  }

  /**
   * Writes down that this process works on the resize.
   *
   * @throws StorageError `stale` if another process has taken it over; QueueError `invalid` if the queue has been
   *   resized since the task was created.
   */
  async takeOver(): Promise<ResizeState> {
    const { claim, aim, resize, changed } = this.#deps;
    let hasEnded = false;
    const queue = await resize((stored) => {
      const { partitions } = stored;
      const resizes = resizesOf(stored);
      hasEnded = resizes.last === claim.task;
      if (hasEnded) return { partitions, resizes };
      const { current } = resizes;
      if (current?.task === claim.task && current.generation > claim.generation) throw takenOver(claim);
      if (resizes.last !== aim.last || (current !== undefined && current.task !== claim.task)) {
        throw new QueueError('invalid', 'another task has changed the number of partitions');
      }
      return { partitions, resizes: { ...resizes, current: { ...claim, partitions: aim.to } } };
    });
    if (queue === undefined) return { state: 'deleted' };
    await changed(queue);
    return hasEnded ? { state: 'ended' } : { state: 'runs', queue };
  }

  /** Adds partitions to the queue. */
  append(placements: readonly PartitionPlacement[]): Promise<void> {
    const { from } = this.#deps.aim;
    return this.#change(({ partitions }, resizes) => ({
      partitions: partitions.length === from ? [...partitions, ...placements] : partitions,
      resizes,
    }));
  }

  /** Removes the last partition of the queue, which has this number. */
  remove(partition: number): Promise<void> {
    return this.#change(({ partitions }, resizes) => ({
      partitions: partitions.length === partition + 1 ? partitions.slice(0, partition) : partitions,
      resizes,
    }));
  }

  /**
   * Changes what goes to which partitions from now on.
   *
   * @param letters how many partitions take dead letters. More than before: they stay where they are.
   */
  spread(keys: KeySpread | undefined, letters: number): Promise<void> {
    return this.#change(({ partitions }, { spread, ...resizes }) => {
      const isFewer = letters < (spread.at(-1) ?? letters);
      return {
        partitions,
        resizes: { ...resizes, ...(keys && { keys }), spread: isFewer ? [...spread, letters] : spread },
      };
    });
  }

  /** The resize has ended: done, or cancelled. @param changed where dedup keys go from now on. Undefined: as before. */
  end(changed?: KeySpread): Promise<void> {
    const { task } = this.#deps.claim;
    return this.#change(({ partitions }, { spread, keys: before }) => {
      const keys = changed ?? before;
      return { partitions, resizes: { last: task, spread, ...(keys && { keys }) } };
    });
  }

  async #change(change: (stored: Queue, resizes: QueueResizes) => QueueSize): Promise<void> {
    const { claim, resize, changed } = this.#deps;
    const queue = await resize((stored) => {
      const resizes = resizesOf(stored);
      const { current } = resizes;
      if (current?.task !== claim.task || current.generation !== claim.generation) throw takenOver(claim);
      return change(stored, resizes);
    });
    if (queue !== undefined) await changed(queue);
  }
}

function resizesOf(queue: Queue): QueueResizes {
  return queue.resizes ?? { last: '', spread: spreadOf(queue) };
}

function takenOver({ task }: ResizeClaim): StorageError {
  const message = `another process works on task '${task}', or the task has ended`;
  return new StorageError(message, { outcome: 'not-applied', stale: true });
}

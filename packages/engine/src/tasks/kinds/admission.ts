import { type ErrorReason, type FoundItem, QueueError } from '@querator/core';

/** Items that a task is about to store in a queue of another namespace. */
export interface EnteringItems {
  /** The namespace of the queue that gets them. */
  readonly namespace: string;
  readonly items: number;
  /** Payloads and texts. */
  readonly bytes: number;
}

/**
 * Judges items that a task moves by what their new namespace may hold.
 *
 * @returns ends the move, with the error that it failed with; undefined if nothing has to be ended.
 * @throws QueueError `retry` with the reason `over_limit`. The promise may reject with it too.
 */
export type AdmitMove = (
  entering: EnteringItems,
) => ((error: unknown) => void) | undefined | Promise<((error: unknown) => void) | undefined>;

/** Who judges, and for which namespace. Undefined: all items may go. */
export interface Admission {
  readonly admit: AdmitMove;
  readonly namespace: string;
}

const OVER_LIMIT: ErrorReason = 'over_limit';
const MOST_BYTES_PER_UNIT = 3;

/**
 * Moves the first of these items, as many as the namespace has room for. Tries fewer
 * items if they are too many: a limit may be lower than one step of a task.
 *
 * @param items at least one.
 * @returns those that `move` was called with.
 * @throws QueueError `retry` with the reason `over_limit` if there is no room for the first item; what `move` throws.
 */
export async function moveAdmitted<Item extends FoundItem>(
  admission: Admission | undefined,
  items: readonly Item[],
  move: (items: readonly Item[]) => Promise<void>,
): Promise<readonly Item[]> {
  if (admission === undefined) {
    await move(items);
    return items;
  }
  for (let count = items.length; ; count = Math.ceil(count / 2)) {
    const some = items.slice(0, count);
    let end: ((error: unknown) => void) | undefined;
    try {
      end = await admission.admit({
        namespace: admission.namespace,
        items: some.length,
        bytes: some.reduce((sum, item) => sum + bytesOf(item), 0),
      });
    } catch (error) {
      if (count > 1 && error instanceof QueueError && error.reason === OVER_LIMIT) continue;
      throw error;
    }
    try {
      await move(some);
    } catch (error) {
      end?.(error);
      throw error;
    }
    end?.(undefined);
    return some;
  }
}

function bytesOf({ payloadSize, encoding, kind, reference }: FoundItem): number {
  return payloadSize + MOST_BYTES_PER_UNIT * (encoding.length + kind.length + reference.length);
}

import {
  type DeadLetter,
  type Instant,
  type ItemId,
  type StoredItem,
  type TakenItem,
  unavailable,
} from '@querator/core';
import { idsOf, type QueueTransfers } from '../../queue/queue-transfers.ts';
import type { TaskQueues } from '../task-queues.ts';
import { type Destination, type Destinations, takenDestination } from './destinations.ts';

/** The most taken items that one pass handles. */
const AT_ONCE = 1_000;
/** The most passes of one step. More would be needed only if items do not leave the list. */
const MOST_PASSES = 100;

/** The partition that items leave, and the task that moves them. */
export interface Departure {
  readonly task: string;
  readonly transfers: QueueTransfers;
  readonly partition: number;
}

/** A departure of which more items may be taken. */
export interface Leaving extends Departure {
  /** When a take that begins now must have begun, so that the task cannot end before it. */
  readonly takeBefore: () => Promise<Instant | undefined>;
}

type Target = Pick<Destination, 'queue' | 'partition'>;
type Taken = StoredItem & TakenItem;

/**
 * Moves waiting items to a partition on another storage (decision 35). Each step can be
 * repeated by any process that works on the task:
 *
 * 1. take: nobody is offered the items any more. They keep their ids and places. A take that
 *    comes when the task may have ended has no effect.
 * 2. prepare: the target stores prepared copies. It leaves out those that it has.
 * 3. mark: the items never return to their queue.
 * 4. commit: the copies become available.
 * 5. remove: removes the items.
 *
 * @param moved called with the ids of items that have left.
 */
export async function moveAcross(
  leaving: Leaving,
  ids: readonly ItemId[],
  target: Target,
  moved: (ids: readonly ItemId[]) => void,
): Promise<void> {
  const { task, transfers, partition } = leaving;
  const place = { queue: target.queue.queue.name, partition: target.partition };
  for (let rest = ids; rest.length > 0; ) {
    const before = await leaving.takeBefore();
    const { taken, left } = await transfers.take(partition, { task, ids: rest, target: place, before });
    moved(await finish(leaving, taken, target));
    rest = left;
  }
}

/**
 * Finishes the moves that an earlier step of the task has begun, in this process or another.
 * Items that would go elsewhere today, or nowhere, wait again.
 *
 * @returns how many items have left.
 */
export function resumeMoves(
  queues: TaskQueues,
  leaving: Leaving,
  destinations: Destinations,
): Promise<number> {
  return eachTaken(queues, leaving, async (unmarked, place, target) => {
    const { task, transfers, partition } = leaving;
    const before = await leaving.takeBefore();
    const { taken, left } = await transfers.take(partition, { task, ids: unmarked, target: place, before });
    const going: Taken[] = [];
    for (const item of taken) if (await isStill(destinations, item)) going.push(item);
    const goes = new Set(idsOf(going));
    const back = unmarked.filter((id) => !goes.has(id) && !left.includes(id));
    await giveBack(leaving, back, target);
    if (target === undefined) return 0;
    return (await finish(leaving, going, target)).length;
  });
}

/**
 * Ends the moves that a task has begun: items wait again at their old places, under their ids.
 * Those that are marked have left, and their moves are finished.
 *
 * @returns how many items have left.
 */
export function undoMoves(queues: TaskQueues, leaving: Departure): Promise<number> {
  return eachTaken(queues, leaving, async (unmarked, _, target) => {
    await giveBack(leaving, unmarked, target);
    return 0;
  });
}

/** Whether the item goes to where it was on its way to. */
async function isStill(destinations: Destinations, { details, target }: Taken): Promise<boolean> {
  const destination = details && (await destinations.of({ details }));
  return destination?.queue.queue.name === target.queue && destination.partition === target.partition;
}

/**
 * Handles the items that the task has taken, by their targets, until there are none. Finishes
 * the moves of marked ones. If their target is gone, their copies went with it.
 *
 * @param handle handles the others. Returns how many have left.
 * @returns how many items have left.
 */
async function eachTaken(
  queues: TaskQueues,
  leaving: Departure,
  handle: (ids: readonly ItemId[], place: TakenItem['target'], target: Target | undefined) => Promise<number>,
): Promise<number> {
  const { task, transfers, partition } = leaving;
  let left = 0;
  for (let pass = 0; pass < MOST_PASSES; pass++) {
    const taken = await transfers.taken(partition, task, AT_ONCE);
    if (taken.length === 0) return left;
    const shares = Map.groupBy(taken, ({ target }) => `${target.partition} ${target.queue}`);
    for (const [first, ...others] of shares.values()) {
      if (first === undefined) continue;
      const share = [first, ...others];
      const target = await takenDestination(queues, first.target);
      const marked = idsOf(share.filter(({ isMarked }) => isMarked));
      await settle(leaving, marked, target);
      left += marked.length;
      const unmarked = idsOf(share.filter(({ isMarked }) => !isMarked));
      if (unmarked.length > 0) left += await handle(unmarked, first.target, target);
    }
  }
  throw unavailable('retry', 'items that are on their way to another storage stay where they are');
}

/** Steps 2 to 5. @returns the ids of the items that have left. */
async function finish(
  leaving: Departure,
  taken: readonly Taken[],
  target: Target,
): Promise<readonly ItemId[]> {
  if (taken.length === 0) return [];
  const { task, transfers, partition } = leaving;
  const ids = idsOf(taken);
  await target.queue.transfers.prepare(target.partition, taken.map(copyOf));
  const { marked, markedBefore } = await transfers.markTaken(partition, { task, ids });
  const isMarked = new Set([...marked, ...markedBefore]);
  const gone = ids.filter((id) => !isMarked.has(id));
  // An operator deleted these, or the task was cancelled while this process was suspended.
  if (gone.length > 0) await target.queue.transfers.abort(target.partition, gone);
  const going = ids.filter((id) => isMarked.has(id));
  await settle(leaving, going, target);
  return going;
}

/** Steps 4 and 5. */
async function settle(
  { task, transfers, partition }: Departure,
  ids: readonly ItemId[],
  target: Target | undefined,
): Promise<void> {
  if (ids.length === 0) return;
  await target?.queue.transfers.commit(target.partition, ids);
  await transfers.removeTaken(partition, { task, ids });
}

/** Aborts the copies first: an item that waits again must have none. */
async function giveBack(
  { task, transfers, partition }: Departure,
  ids: readonly ItemId[],
  target: Target | undefined,
): Promise<void> {
  if (ids.length === 0) return;
  await target?.queue.transfers.abort(target.partition, ids);
  await transfers.returnTaken(partition, { task, ids });
}

/** The copy has the item's id as its source id, by which the target recognises a second one. */
function copyOf({ id, encoding, kind, reference, payload, details }: StoredItem): DeadLetter {
  return { sourceId: id, encoding, kind, reference, payload, details };
}

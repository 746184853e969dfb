import {
  addDuration,
  type DeadLetter,
  type Instant,
  type ItemId,
  milliseconds,
  type PartitionPlacement,
  type StoredItem,
  type TakenItem,
  type TakeRequest,
  unavailable,
} from '@querator/core';
import type { LogicalQueue } from '../../queue/logical-queue.ts';
import { idsOf, type QueueTransfers } from '../../queue/queue-transfers.ts';
import { shifted } from '../moves/shifted-items.ts';
import type { StepBudget } from '../task-kind.ts';
import type { TaskQueues } from '../task-queues.ts';
import { type Destination, type Destinations, takenDestination } from './destinations.ts';

/** The most taken items that one pass handles. */
const AT_ONCE = 1_000;
/** The most passes of one step. More would be needed only if items do not leave the list. */
const MOST_PASSES = 100;

/**
 * How long a take may be under way before the storage begins with it. A claim of a task lasts
 * 5 s, and a statement 3 s. So no other process can have ended the task by then.
 */
const TAKE_TIMEOUT = milliseconds(1_500);

const LOST = unavailable('retry', 'another process works on the task');

/** Scheduled items cannot be taken now. */
export const SWEEP_AT_WORK = unavailable('retry', 'a sweep of the partition is at work');

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
  /** What the clock of a storage is ahead of that of the partition, in microseconds. */
  readonly clockShift: (storageName: string) => Promise<bigint>;
}

/** The departure from a partition, in one step of a task. */
export function leavingFrom(
  {
    task,
    queues,
    queue,
    budget,
  }: {
    readonly task: string;
    readonly queues: TaskQueues;
    readonly queue: LogicalQueue;
    readonly budget: StepBudget;
  },
  { partition, storageName }: PartitionPlacement,
): Leaving {
  const takeBefore = async () => {
    // Read first: the claim then holds for its whole time from here on.
    const now = await queues.now(storageName);
    if (!(await budget.stillHeld())) throw LOST;
    return now && addDuration(now, TAKE_TIMEOUT);
  };
  const clockShift = (to: string) => queues.clockShift(storageName, to);
  return { task, transfers: queue.transfers, partition, takeBefore, clockShift };
}

type Target = Pick<Destination, 'queue' | 'partition'>;
type Taken = StoredItem & TakenItem;
/** A taken item, as the ends of its move see it. */
type Going = Pick<TakenItem, 'id' | 'dueAt'>;

/** Items of one state that go to another storage. */
export interface GoingItems extends Pick<TakeRequest, 'ids'> {
  readonly state: NonNullable<TakeRequest['state']>;
}

/**
 * Moves waiting or scheduled items to a partition on another storage (decision 35). Each step can be
 * repeated by any process that works on the task:
 *
 * 1. take: nobody is offered the items any more. They keep their ids and places. A take that
 *    comes when the task may have ended has no effect.
 * 2. prepare: the target stores prepared copies. It leaves out those that it has. The copy of a
 *    scheduled item brings its time.
 * 3. mark: the items never return to their queue.
 * 4. commit: the copies become available, or scheduled.
 * 5. remove: removes the items.
 *
 * @param moved called with the ids of items that have left.
 */
export async function moveAcross(
  leaving: Leaving,
  { ids, state }: GoingItems,
  target: Target,
  moved: (ids: readonly ItemId[]) => void,
): Promise<void> {
  const { task, transfers, partition } = leaving;
  const place = { queue: target.queue.queue.name, partition: target.partition };
  for (let rest = ids; rest.length > 0; ) {
    const before = await leaving.takeBefore();
    const { taken, left } = await transfers.take(partition, {
      task,
      ids: rest,
      state,
      target: place,
      before,
    });
    if (taken.length === 0 && left.length > 0) throw SWEEP_AT_WORK;
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
    const { taken, left } = await transfers.take(partition, {
      ...{ task, ids: idsOf(unmarked), target: place, before },
    });
    const going: Taken[] = [];
    for (const item of taken) if (await isStill(destinations, item)) going.push(item);
    const goes = new Set(idsOf(going));
    const back = unmarked.filter(({ id }) => !goes.has(id) && !left.includes(id));
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
  handle: (
    items: readonly TakenItem[],
    place: TakenItem['target'],
    target: Target | undefined,
  ) => Promise<number>,
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
      const marked = share.filter(({ isMarked }) => isMarked);
      await settle(leaving, marked, target);
      left += marked.length;
      const unmarked = share.filter(({ isMarked }) => !isMarked);
      if (unmarked.length > 0) left += await handle(unmarked, first.target, target);
    }
  }
  throw unavailable('retry', 'items that are on their way to another storage stay where they are');
}

/** Steps 2 to 5. @returns the ids of the items that have left. */
async function finish(leaving: Leaving, taken: readonly Taken[], target: Target): Promise<readonly ItemId[]> {
  if (taken.length === 0) return [];
  const { task, transfers, partition } = leaving;
  const ids = idsOf(taken);
  const shift = taken.some(({ dueAt }) => dueAt !== undefined) ? await shiftTo(leaving, target) : 0n;
  const copies = taken.map((item) => copyOf(item, shift));
  await target.queue.transfers.prepare(target.partition, copies, transfers);
  const { marked, markedBefore } = await transfers.markTaken(partition, { task, ids });
  const isMarked = new Set([...marked, ...markedBefore]);
  const gone = ids.filter((id) => !isMarked.has(id));
  // An operator deleted these, or the task was cancelled while this process was suspended.
  if (gone.length > 0) await target.queue.transfers.abort(target.partition, gone);
  const going = taken.filter(({ id }) => isMarked.has(id));
  await settle(leaving, going, target);
  return idsOf(going);
}

/** Steps 4 and 5. */
async function settle(
  { task, transfers, partition }: Departure,
  items: readonly Going[],
  target: Target | undefined,
): Promise<void> {
  if (items.length === 0) return;
  const ids = idsOf(items);
  await target?.queue.transfers.commit(target.partition, ids, scheduledOf(items));
  await transfers.removeTaken(partition, { task, ids });
}

/** Aborts the copies first: an item that waits again must have none. */
async function giveBack(
  { task, transfers, partition }: Departure,
  items: readonly Going[],
  target: Target | undefined,
): Promise<void> {
  if (items.length === 0) return;
  const ids = idsOf(items);
  await target?.queue.transfers.abort(target.partition, ids);
  await transfers.returnTaken(partition, { task, ids }, scheduledOf(items));
}

/** How many of the items are scheduled. */
function scheduledOf(items: readonly Going[]): number {
  return items.filter(({ dueAt }) => dueAt !== undefined).length;
}

/** What times of the source have to be shifted by for the target. */
async function shiftTo(leaving: Leaving, { queue, partition }: Target): Promise<bigint> {
  return leaving.clockShift(queue.queue.partitions[partition]?.storageName ?? '');
}

/**
 * The copy has the item's id as its source id, by which the target recognises a second one. It is
 * due in as much time as the item.
 */
function copyOf(item: Taken, shift: bigint): DeadLetter {
  const { id, encoding, kind, reference, payload, details } = item;
  const dueAt = item.dueAt && shifted(item.dueAt, shift);
  return { sourceId: id, encoding, kind, reference, payload, details, dueAt };
}

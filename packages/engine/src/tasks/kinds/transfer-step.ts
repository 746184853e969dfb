import {
  type FoundItem,
  type ItemFilter,
  type ItemId,
  type JsonValue,
  QueueError,
  StorageError,
} from '@querator/core';
import type { LogicalQueue } from '../../queue/logical-queue.ts';
import { idsOf } from '../../queue/queue-transfers.ts';
import type { StepBudget, StepResult } from '../task-kind.ts';
import { type GoingItems, type Leaving, moveAcross, SWEEP_AT_WORK } from './across-storages.ts';
import { type Admission, type AdmitMove, moveAdmitted } from './admission.ts';
import type { Destination, Destinations } from './destinations.ts';

/** The most ids in one transfer. */
const AT_ONCE = 1_000;

/** How far a task has come. */
export interface TransferCheckpoint {
  /** The index of the partition among those of the source queue. */
  readonly partition: number;
  /** Items up to this id have been handled. Undefined: none. */
  readonly after?: ItemId | undefined;
  /** Whether items may have gone to another storage. Then some may be taken and not moved yet. */
  readonly across?: boolean | undefined;
}

/** A task that moves items. */
export interface MovingItems {
  /** The source queue. */
  readonly queue: LogicalQueue;
  readonly leaving: Leaving;
  /** Judges items that enter another namespace than that of the source queue. Undefined: all may. */
  readonly admit: AdmitMove | undefined;
  /** Only of items that were there when the task was created. */
  readonly filter: ItemFilter;
  /** Whether scheduled items may go to another storage. */
  readonly scheduledGoAcross: boolean;
  /** Only counts. */
  readonly dryRun: boolean;
  readonly checkpoint: TransferCheckpoint;
}

/** The states of items that can go to another queue. */
type MovableState = 'waiting' | 'scheduled';

interface Movable extends FoundItem {
  readonly state: MovableState;
}

/** What became of the items of a page. */
interface Handled {
  /** Those that are in their target. */
  readonly gone: Set<ItemId>;
  /** Those that have no target, and stay. */
  readonly stay: Set<ItemId>;
  /** Why others could not go yet. Undefined: none were left. */
  readonly error?: unknown;
  /** Whether an item may be on its way to another storage. */
  readonly across?: boolean;
}

/**
 * Moves the next items of a queue.
 *
 * Items of one partition that go to one partition do so in the order of their ids. If a
 * transfer fails, the step ends, and its checkpoint is before the first item that is left.
 * Items beyond it that are gone are not found again. So a step can be repeated.
 *
 * @throws the error of the first transfer, if nothing was done before it.
 */
export async function transferStep(
  moving: MovingItems,
  destinations: Destinations,
  { items: limit, signal }: StepBudget,
): Promise<StepResult> {
  const { queue, leaving, filter, dryRun } = moving;
  const { partition: place, after, across = false } = moving.checkpoint;
  const from = { partition: leaving.partition, after };
  const page = await queue.search.findIn({ filter, limit, from, withPayload: false, signal });
  const movable = page.items.filter(isMovable);
  const handled = dryRun
    ? await countOnly(moving, movable, destinations)
    : await moveAll(moving, movable, destinations);
  const { gone, stay, error } = handled;
  const hasGoneAcross = across || handled.across === true;
  if (hasGoneAcross && !across && error === undefined) {
    return { matched: 0, done: 0, failed: 0, checkpoint: position(place, after, true) };
  }
  // Items that a consumer has leased since are in neither set. If they come back, they do so beyond this page.
  const firstLeft =
    error === undefined ? undefined : movable.find(({ id }) => !gone.has(id) && !stay.has(id));
  const isHandled = ({ id }: FoundItem) => firstLeft === undefined || id < firstLeft.id;
  const failed = movable.filter((item) => stay.has(item.id) && isHandled(item)).length;
  const done = dryRun ? 0 : gone.size;
  const matched = gone.size + failed;
  if (firstLeft !== undefined && matched === 0) throw error;
  return {
    matched,
    done,
    failed,
    ...(firstLeft === undefined
      ? { checkpoint: next(place, page.next, hasGoneAcross) }
      : { checkpoint: position(place, movable.findLast(isHandled)?.id ?? after, hasGoneAcross) }),
  };
}

function isMovable(item: FoundItem): item is Movable {
  return item.state === 'waiting' || item.state === 'scheduled';
}

async function countOnly(
  moving: MovingItems,
  items: readonly Movable[],
  destinations: Destinations,
): Promise<Handled> {
  const handled = { gone: new Set<ItemId>(), stay: new Set<ItemId>() };
  for (const item of items) {
    const destination = await destinations.of(item);
    const goes = destination !== undefined && canGo(moving, item, destination);
    (goes ? handled.gone : handled.stay).add(item.id);
  }
  return handled;
}

async function moveAll(
  moving: MovingItems,
  items: readonly Movable[],
  destinations: Destinations,
): Promise<Handled> {
  const { queue, leaving, admit, checkpoint } = moving;
  const gone = new Set<ItemId>();
  const stay = new Set<ItemId>();
  let across = false;
  try {
    const shares = new Map<string, { readonly destination: Destination; readonly items: Movable[] }>();
    for (const item of items) {
      const destination = await destinations.of(item);
      if (destination === undefined || !canGo(moving, item, destination)) {
        stay.add(item.id);
        continue;
      }
      const key = `${item.state} ${destination.partition} ${destination.queue.queue.name}`;
      const share = shares.get(key) ?? { destination, items: [] };
      shares.set(key, share);
      share.items.push(item);
      across ||= !destination.isOnSameStorage;
    }
    // Otherwise the next process would not look for the items that this one has taken.
    if (across && checkpoint.across !== true) return { gone, stay: new Set(), across };
    for (const share of shares.values()) {
      const { namespace } = share.destination.queue.queue;
      const admission = admit && namespace !== queue.queue.namespace ? { admit, namespace } : undefined;
      await moveShare(leaving, share, admission, gone);
    }
    return { gone, stay, across };
  } catch (error) {
    if (!(error instanceof StorageError || error instanceof QueueError)) throw error;
    return { gone, stay, error, across };
  }
}

/** Servers that know earlier tasks only would make the copy of a scheduled item available at once. */
function canGo(
  { scheduledGoAcross }: MovingItems,
  { state }: Movable,
  { isOnSameStorage }: Destination,
): boolean {
  return isOnSameStorage || state === 'waiting' || scheduledGoAcross;
}

/** @param gone gets the ids of the items that were moved, also before a failure. */
async function moveShare(
  leaving: Leaving,
  { destination, items }: { readonly destination: Destination; readonly items: readonly Movable[] },
  admission: Admission | undefined,
  gone: Set<ItemId>,
): Promise<void> {
  const moved = (ids: readonly ItemId[]) => {
    for (const id of ids) gone.add(id);
  };
  for (let start = 0; start < items.length; ) {
    const next = items.slice(start, start + AT_ONCE);
    const handled = await moveAdmitted(admission, next, (some) =>
      destination.isOnSameStorage
        ? moveNear(leaving, some, destination, moved)
        : moveAcross(leaving, goingOf(some), destination, moved),
    );
    start += handled.length;
  }
}

/** Moves items within a storage. */
async function moveNear(
  { transfers, partition }: Leaving,
  items: readonly Movable[],
  target: Destination,
  moved: (ids: readonly ItemId[]) => void,
): Promise<void> {
  const { state, ids: all } = goingOf(items);
  for (let ids = all; ids.length > 0; ) {
    const { transferred, left } = await transfers.transfer(
      partition,
      { ids, state },
      target.queue.transfers,
      target.partition,
    );
    moved(transferred);
    if (transferred.length === 0 && left.length > 0) throw SWEEP_AT_WORK;
    ids = left;
  }
}

/** @param items of one state. */
function goingOf(items: readonly Movable[]): GoingItems {
  return { ids: idsOf(items), state: items[0]?.state ?? 'waiting' };
}

function next(partition: number, after: ItemId | undefined, across: boolean): JsonValue {
  return after === undefined
    ? position(partition + 1, undefined, across)
    : position(partition, after, across);
}

/** A checkpoint, with what it needs only. */
export function position(partition: number, after?: ItemId, across = false): JsonValue {
  return { partition, ...(after !== undefined && { after }), ...(across && { across }) };
}

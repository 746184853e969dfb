import {
  addDuration,
  type Instant,
  instantFromMicroseconds,
  millisecondsBetween,
  type SweepRequest,
  type SweepResult,
} from '@querator/core';
import { deleteOrSetAside, isUsedUp } from './death.ts';
import { itemOf } from './item-row.ts';
import type { PartitionTable } from './partition-table.ts';

/** Handles ended leases, due schedules and dead items of one partition. */
export function sweep(table: PartitionTable, request: SweepRequest, now: Instant): SweepResult {
  const { limit } = request;
  const scheduled = table.due('scheduled', now, limit);
  for (const { id } of scheduled) table.requeue(id);

  // A prepared letter ends like a lease, but no consumer ever got it.
  const overdue = [...table.due('leased', now, limit), ...table.due('prepared', now, limit)]
    .sort((a, b) => Number(a.due_at - b.due_at) || (a.id < b.id ? -1 : 1))
    .slice(0, limit);
  const alive = overdue.filter((row) => !isUsedUp(row, request));
  for (const { id } of alive) table.requeue(id);

  // Last, because items that have just returned may be expired.
  const dead = [
    ...overdue.filter((row) => isUsedUp(row, request)),
    ...table.due('waiting', now, limit),
    ...table.due('moving', now, limit),
    ...table.due('moved', now, limit),
  ].slice(0, limit);
  const claimedUntil = addDuration(now, request.claimTimeout);
  for (const row of dead) deleteOrSetAside(table, row, request, claimedUntil);

  return {
    enqueued: scheduled.length,
    requeued: alive.length,
    ...(request.dead === 'delete'
      ? { deleted: dead.length, dead: [], moved: [] }
      : {
          deleted: 0,
          dead: dead
            .filter(({ state }) => state !== 'moved')
            .map((row) => itemOf({ ...row, state: 'moving', due_at: claimedUntil })),
          moved: dead.filter(({ state }) => state === 'moved').map(({ id }) => id),
        }),
    nextDueMs: nextDueMs(table, now),
  };
}

/** Items beyond the limit still have the earliest deadlines, and are overdue. */
function nextDueMs(table: PartitionTable, now: Instant): number | undefined {
  const deadline = table.nextDeadline();
  if (deadline === undefined) return undefined;
  // A deadline is due once it is before now, so one microsecond after it.
  return Math.max(0, millisecondsBetween(now, instantFromMicroseconds(deadline + 1n)));
}

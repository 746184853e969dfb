import {
  type ItemId,
  isBudgetSpent,
  StorageError,
  type StoredItem,
  type SweepRequest,
  type SweepResult,
} from '@querator/core';
import { withIdsInOrder } from '../schema/id-sequence-repair.ts';
import type { PartitionContext } from '../sql/partition-table.ts';
import { expireItems } from './sweep-expired.ts';
import { endLeases } from './sweep-leases.ts';
import { type Due, probe } from './sweep-probe.ts';
import { enqueueDue } from './sweep-scheduled.ts';

/** How long to wait for another sweep before the next probe. */
const OTHERS_AT_WORK_MS = 100;

/** What the parts of a sweep have done so far. */
interface Progress {
  enqueued: number;
  requeued: number;
  deleted: number;
  readonly dead: StoredItem[];
  readonly moved: ItemId[];
  cutShort: boolean;
}

/**
 * Handles everything that is due. First probes with one cheap statement, since mostly
 * nothing is. Each part is one statement. Of several sweeps of a partition, only one
 * requeues items; see `RequeueLock`.
 */
export async function sweep(context: PartitionContext, request: SweepRequest): Promise<SweepResult> {
  const due = await findDue(context);
  const done: Progress = { enqueued: 0, requeued: 0, deleted: 0, dead: [], moved: [], cutShort: false };
  let nextMs: number | undefined;
  try {
    await workOff(context, request, due, done);
    const worked = isDue(due.scheduledMs) || isDue(due.leaseMs) || due.expired;
    nextMs = nextDueMs(worked && !done.cutShort ? await findDue(context) : due);
  } catch (error) {
    // Finished parts are committed, so the caller must get their result, above all the
    // dead items it has claimed.
    if (!(error instanceof StorageError && hasDoneSomething(done))) throw error;
    nextMs = OTHERS_AT_WORK_MS;
  }
  const { cutShort, ...result } = done;
  return { ...result, nextDueMs: cutShort ? 0 : nextMs };
}

async function findDue(context: PartitionContext): Promise<Due> {
  const due = await probe(context);
  if (!isDue(due.scheduledMs) && !isDue(due.leaseMs)) context.table.requeueLock.nothingDue();
  return due;
}

async function workOff(
  context: PartitionContext,
  request: SweepRequest,
  due: Due,
  done: Progress,
): Promise<void> {
  const { limit } = request;
  if (isDue(due.scheduledMs)) {
    done.enqueued = await withIdsInOrder(context, () => enqueueDue(context, limit));
    done.cutShort ||= done.enqueued >= limit;
  }
  if (isDue(due.leaseMs)) {
    const { requeued, deleted, dead, moved } = await withIdsInOrder(context, () =>
      endLeases(context, request),
    );
    done.requeued += requeued;
    done.deleted += deleted;
    done.dead.push(...dead);
    done.moved.push(...moved);
    done.cutShort ||= requeued + deleted + dead.length + moved.length >= limit || isBudgetSpent(dead);
  }
  // An item may have expired while it was scheduled.
  if (due.expired || done.enqueued > 0) {
    const { deleted, dead } = await expireItems(context, request);
    done.deleted += deleted;
    done.dead.push(...dead);
    done.cutShort ||= deleted + dead.length >= limit || isBudgetSpent(dead);
  }
}

function hasDoneSomething({ enqueued, requeued, deleted, dead, moved }: Progress): boolean {
  return enqueued + requeued + deleted + dead.length + moved.length > 0;
}

/** An item is due after its deadline, not at it. */
function isDue(ms: number | null): boolean {
  return ms !== null && ms < 0;
}

/** Milliseconds until a sweep has something to do. */
export function nextDueMs({ scheduledMs, leaseMs, expireMs, expired }: Due): number | undefined {
  const pending = [scheduledMs, leaseMs, expireMs].filter((ms) => ms !== null);
  if (expired) pending.push(-1);
  if (pending.length === 0) return undefined;
  const first = Math.min(...pending);
  // An item is due one microsecond after its deadline.
  return first < 0 ? OTHERS_AT_WORK_MS : Math.round(first * 1_000 + 1) / 1_000;
}

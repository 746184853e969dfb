import type { StoredItem, SweepRequest, SweepResult } from '@querator/core';
import type { PartitionContext } from '../partition-table.ts';
import { buryExpired } from './sweep-expired.ts';
import { endLeases } from './sweep-leases.ts';
import { type Due, probe } from './sweep-probe.ts';
import { enqueueDue } from './sweep-scheduled.ts';

/** How long to wait for what another sweep is just doing, before looking again. */
const OTHERS_AT_WORK_MS = 100;

/**
 * Does what time demands. Looks first, with one cheap statement: mostly there
 * is nothing to do. Each part is one statement, and rows another sweep has
 * locked are left to that one.
 */
export async function sweep(context: PartitionContext, request: SweepRequest): Promise<SweepResult> {
  const due = await probe(context);
  const counts = { enqueued: 0, requeued: 0, deleted: 0 };
  const dead: StoredItem[] = [];
  let cutShort = false;

  if (isDue(due.scheduledMs)) {
    counts.enqueued = await enqueueDue(context, request.limit);
    cutShort ||= counts.enqueued >= request.limit;
  }
  if (isDue(due.leaseMs)) {
    const ended = await endLeases(context, request);
    counts.requeued += ended.requeued;
    counts.deleted += ended.deleted;
    dead.push(...ended.dead);
    cutShort ||= ended.requeued + ended.deleted + ended.dead.length >= request.limit;
  }
  // What has just left the schedule may have expired while it was in it.
  if (due.expired || counts.enqueued > 0) {
    const buried = await buryExpired(context, request);
    counts.deleted += buried.deleted;
    dead.push(...buried.dead);
    cutShort ||= buried.deleted + buried.dead.length >= request.limit;
  }

  const worked = isDue(due.scheduledMs) || isDue(due.leaseMs) || due.expired;
  const next = worked && !cutShort ? await probe(context) : due;
  return { ...counts, dead, nextDueMs: cutShort ? 0 : nextDueMs(next) };
}

/** Later than the deadline, not at it. */
function isDue(ms: number | null): boolean {
  return ms !== null && ms < 0;
}

function nextDueMs({ scheduledMs, leaseMs, expireMs, expired }: Due): number | undefined {
  const pending = [scheduledMs, leaseMs, expireMs].filter((ms) => ms !== null);
  if (expired) pending.push(-1);
  if (pending.length === 0) return undefined;
  const first = Math.min(...pending);
  // At the deadline itself an item is not due yet: a microsecond later it is.
  return first < 0 ? OTHERS_AT_WORK_MS : first + 0.001;
}

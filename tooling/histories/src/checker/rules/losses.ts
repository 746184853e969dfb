import type { Clear, Produce } from '../../history/history.ts';
import {
  type Delivery,
  type ItemRecord,
  type ItemRecords,
  isFinal,
  mayHaveHappened,
} from '../item-records.ts';
import type { Violation } from '../violation.ts';

/**
 * Acknowledged items are delivered until they are completed. A produce with an
 * unknown outcome stores all its items or none. Checked only if the history ends
 * with an empty queue.
 */
export function losses(records: ItemRecords): readonly Violation[] {
  if (!records.history.drained) return [];
  const clears = records.history.operations.filter((each) => each.call === 'clear');
  const produced = records.history.operations.filter((each) => each.call === 'produce');
  return produced.flatMap((produce) => lossesOf(records, produce, clears));
}

function lossesOf(records: ItemRecords, produce: Produce, clears: readonly Clear[]): readonly Violation[] {
  if (!mayHaveHappened(produce)) return [];
  const members = produce.items.map((item) => records.of(item) as ItemRecord);
  const seen = members.filter(({ deliveries }) => deliveries.length > 0);
  if (produce.outcome === 'unknown' && seen.length === 0) return [];
  return members
    .filter((record) => !isAccountedFor(records, record, clears))
    .map((record) => {
      const last = record.deliveries.at(-1);
      const operations = [
        produce,
        ...(last === undefined ? [] : [last.lease, ...records.settlementsOf(last.id)]),
      ];
      if (last !== undefined) {
        const text = `${record.item} was lost: it was last delivered to ${last.lease.client}, never completed, and is gone`;
        return { rule: 'losses' as const, items: [record.item], operations, text };
      }
      const sibling = seen[0];
      if (produce.outcome === 'ok' || sibling === undefined) {
        const text = `${record.item} was lost: its produce was acknowledged, and nobody ever got it`;
        return { rule: 'losses' as const, items: [record.item], operations, text };
      }
      const text = `a produce was stored in part: ${sibling.item} was delivered, ${record.item} never`;
      return { rule: 'losses' as const, items: [record.item, sibling.item], operations, text };
    });
}

/** Whether a task may have deleted the item as a dead letter. */
function isDeleted({ history, settlementsOf }: ItemRecords, last: Delivery | undefined): boolean {
  const { operations, maxAttempts = 0 } = history;
  const seenAt = last?.lease.invoked ?? 0;
  const isPossible = operations.some(
    (each) =>
      each.call === 'task' &&
      each.kind === 'delete' &&
      mayHaveHappened(each) &&
      (each.outcome === 'unknown' || each.returned >= seenAt),
  );
  if (!isPossible) return false;
  const isRejected =
    last !== undefined && settlementsOf(last.id).some((each) => each.dead && mayHaveHappened(each));
  if (isRejected || last?.lease.queue === 'dead') return true;
  // Leases whose answers were lost may have used its attempts up.
  const unseen = operations.filter(
    (each) => each.call === 'lease' && each.outcome === 'unknown' && each.returned >= seenAt,
  );
  return unseen.length >= maxAttempts - (last?.attempts ?? 0);
}

function isAccountedFor(
  records: ItemRecords,
  { produce, deliveries }: ItemRecord,
  clears: readonly Clear[],
): boolean {
  const last = deliveries.at(-1);
  if (last !== undefined) {
    const ends = records
      .settlementsOf(last.id)
      .filter((each) => isFinal(records.history, each) && mayHaveHappened(each));
    if (ends.length > 0) return true;
  }
  if (isDeleted(records, last)) return true;
  // It existed at its last delivery, so only a later clear can have removed it.
  const seenAt = last?.lease.invoked ?? produce?.invoked ?? 0;
  return clears.some(
    (each) => each.outcome === 'unknown' || (each.outcome === 'ok' && each.returned >= seenAt),
  );
}

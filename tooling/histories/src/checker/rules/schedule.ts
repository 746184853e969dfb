import type { Allowances } from '../allowances.ts';
import type { Delivery, ItemRecord, ItemRecords } from '../item-records.ts';
import { mayHaveHappened } from '../item-records.ts';
import { isSameLife } from '../lives.ts';
import type { Violation } from '../violation.ts';

/** A scheduled item is not delivered before its time. */
export function schedule(records: ItemRecords, { clockMs, scheduleMs }: Allowances): readonly Violation[] {
  return records.all.flatMap((record) =>
    record.deliveries.flatMap((delivery, n) => {
      const planned = scheduledFor(records, record, n);
      if (planned === undefined || delivery.lease.returned >= planned.at - scheduleMs - clockMs) return [];
      const early = Math.round(planned.at - delivery.lease.returned);
      return [
        {
          rule: 'schedule' as const,
          items: [record.item],
          operations: [planned.by, delivery.lease],
          text: `${record.item} was delivered ${early} ms before the time it was scheduled for`,
        },
      ];
    }),
  );
}

/** The call that scheduled the item, if nothing else can have led to its delivery. */
function scheduledFor(records: ItemRecords, { produce, deliveries }: ItemRecord, n: number) {
  const before = deliveries[n - 1];
  if (before === undefined) {
    return produce?.notBefore === undefined ? undefined : { at: produce.notBefore, by: produce };
  }
  const possible = records
    .settlementsOf((before as Delivery).id)
    .filter((settlement) => mayHaveHappened(settlement));
  const [only] = possible;
  // It died, and a task has returned it.
  if (!isSameLife(before, deliveries[n] as Delivery)) return undefined;
  if (possible.length !== 1 || only?.call !== 'retry' || only.outcome !== 'ok') return undefined;
  return only.notBefore === undefined ? undefined : { at: only.notBefore, by: only };
}

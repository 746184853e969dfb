import type { Allowances } from '../allowances.ts';
import type { ItemRecords } from '../item-records.ts';
import { holdEndsFrom } from '../stays.ts';
import type { Violation } from '../violation.ts';

/** A leased item belongs to one consumer until the announced deadline, or until it is settled. */
export function holding(records: ItemRecords, allowances: Allowances): readonly Violation[] {
  return records.all.flatMap(({ item, deliveries }) => {
    const inTime = deliveries.toSorted((a, b) => a.lease.returned - b.lease.returned);
    return inTime.flatMap((delivery, n) => {
      const before = inTime[n - 1];
      if (before === undefined) return [];
      const heldUntil = holdEndsFrom(records, before, allowances);
      if (delivery.lease.returned >= heldUntil) return [];
      const early = Math.round(heldUntil - delivery.lease.returned);
      return [
        {
          rule: 'holding' as const,
          items: [item],
          operations: [before.lease, delivery.lease],
          text: `${item} was given to ${delivery.lease.client} ${early} ms before the lease of ${before.lease.client} could end`,
        },
      ];
    });
  });
}

import type { Allowances } from '../allowances.ts';
import type { Delivery, ItemRecord, ItemRecords } from '../item-records.ts';
import { isLater, unseenLeases } from '../lives.ts';
import { holdEndsFrom } from '../stays.ts';
import type { Violation } from '../violation.ts';

/**
 * Every lease adds one to an item's attempts. So deliveries of an item have
 * different, increasing numbers. An item that a task has returned begins at 0. Missing numbers are leases whose answers were
 * lost, and there must be time for them.
 */
export function attempts(records: ItemRecords, allowances: Allowances): readonly Violation[] {
  return records.all.flatMap((record) =>
    record.deliveries.flatMap((delivery, n) => {
      const text = fault(records, record, n, allowances);
      if (text === undefined) return [];
      const before = record.deliveries[n - 1];
      const operations = [before?.lease, delivery.lease].filter((lease) => lease !== undefined);
      const produced = record.produce === undefined ? [] : [record.produce];
      return [
        {
          rule: 'attempts' as const,
          items: [record.item],
          operations: [...produced, ...operations],
          text: `${record.item} ${text}`,
        },
      ];
    }),
  );
}

function fault(
  records: ItemRecords,
  record: ItemRecord,
  n: number,
  allowances: Allowances,
): string | undefined {
  const delivery = record.deliveries[n] as Delivery;
  const before = record.deliveries[n - 1];
  if (delivery.attempts < 1) return `was delivered with ${delivery.attempts} attempts`;
  if (before !== undefined && !isLater(delivery, before)) {
    return `was delivered twice with ${delivery.attempts} attempts: it is there twice`;
  }
  if (before !== undefined && delivery.lease.returned < before.lease.invoked) {
    return `was delivered with ${delivery.attempts} attempts, and later with ${before.attempts}`;
  }
  const unseen = unseenLeases(before, delivery);
  if (unseen < 0) return 'has a source with fewer attempts than it had';
  const began =
    before === undefined ? (record.produce?.invoked ?? 0) : holdEndsFrom(records, before, allowances);
  const earliest = began + unseen * (records.history.leaseTimeoutMs - allowances.clockMs);
  if (unseen === 0 || delivery.lease.returned >= earliest) return undefined;
  return `was delivered with ${delivery.attempts} attempts, and there was no time for ${unseen} leases before`;
}

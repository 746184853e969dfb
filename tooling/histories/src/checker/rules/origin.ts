import type { ItemRecord, ItemRecords } from '../item-records.ts';
import type { Violation } from '../violation.ts';

/** Every delivered item was produced before, by a call that may have taken effect. */
export function origin(records: ItemRecords): readonly Violation[] {
  return records.all.flatMap((record) => record.deliveries.slice(0, 1).flatMap(() => originOf(record)));
}

function originOf({ item, produce, deliveries }: ItemRecord): readonly Violation[] {
  const early = deliveries.find(({ lease }) => produce !== undefined && lease.returned < produce.invoked);
  const delivery = early ?? deliveries[0];
  if (delivery === undefined) return [];
  const found = (text: string): readonly Violation[] => [
    {
      rule: 'origin',
      items: [item],
      operations: produce === undefined ? [delivery.lease] : [produce, delivery.lease],
      text,
    },
  ];
  if (produce === undefined) return found(`${item} was delivered, and nobody produced it`);
  if (early !== undefined) return found(`${item} was delivered before it was produced`);
  if (produce.outcome === 'ok' || produce.outcome === 'unknown') return [];
  return found(`${item} was delivered, and its produce was refused: ${produce.error ?? produce.outcome}`);
}

import type { Delivery, ItemRecords } from '../item-records.ts';
import type { Violation } from '../violation.ts';

/** An id is delivered once. A returned item has a new id, so that a former consumer cannot affect it. */
export function handles(records: ItemRecords): readonly Violation[] {
  const first = new Map<string, Delivery>();
  const found: Violation[] = [];
  for (const { item, deliveries } of records.all) {
    for (const delivery of deliveries) {
      const other = first.get(delivery.id);
      if (other === undefined) {
        first.set(delivery.id, delivery);
        continue;
      }
      found.push({
        rule: 'handles',
        items: [...new Set([other.item, item])],
        operations: [other.lease, delivery.lease],
        text: `id ${delivery.id} was given out twice, for ${other.item} and for ${item}`,
      });
    }
  }
  return found;
}

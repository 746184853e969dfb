import type { Delivery, Lives } from '../lives.ts';
import type { Violation } from '../violation.ts';

/** An id is given out once. An item comes back under another one, so that who held it before can do it no harm. */
export function handles(lives: Lives): readonly Violation[] {
  const first = new Map<string, Delivery>();
  const found: Violation[] = [];
  for (const { item, deliveries } of lives.all) {
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

import { formatAddress } from '../../address/address-text.ts';
import type { Item } from '../../api/item.ts';

/** The address of an item. Its first id stands beside if it is another one: the id may change. */
export function itemAddress(queue: string, { id = '', first_id: first }: Item): string {
  return formatAddress(['queues', queue, 'items', id], { first: first === id ? undefined : first });
}

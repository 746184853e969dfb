import type { CallOptions, Client } from '@querator/client';
import type { ItemsFilter } from '@querator/protocol';

/** The most requests of a count. Each reads a bounded part of the queue. */
const MOST_PARTS = 20;

/** Counts the items that meet all conditions, as words: a count of a large queue ends early, with `at least`. */
export async function countItems(
  client: Client,
  search: { readonly queueName: string; readonly filter: ItemsFilter },
  options: CallOptions,
): Promise<string> {
  let count = 0;
  let cursor = '';
  for (let part = 0; part < MOST_PARTS; part++) {
    const found = await client.v2.items.summarize({ ...search, by: 'kind', cursor }, options);
    count += found.groups.reduce((sum, group) => sum + group.count, found.others);
    cursor = found.cursor;
    if (cursor === '') return `${count} item(s)`;
  }
  return `at least ${count} item(s)`;
}

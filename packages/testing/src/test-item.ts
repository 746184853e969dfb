import { type Client, listQueues } from '@querator/client';
import type { ItemsItem } from '@querator/protocol';

/** Where an item can be. `gone`: in no queue any more, since it was completed or cleared, or has expired. */
export type ItemPlace = TestItem['state'] | 'gone';

/** An item as a test sees it. */
export interface TestItem {
  /** The id that it got when it was produced. It stays. */
  readonly firstId: string;
  /** The present id, which changes each time that the item returns to a queue. */
  readonly id: string;
  readonly queue: string;
  readonly partition: number;
  /** `dead`: on its way to the dead-letter queue. There it is `waiting`. */
  readonly state: 'waiting' | 'leased' | 'scheduled' | 'dead';
  /** How often it has been leased in this queue. */
  readonly attempts: number;
  readonly payload: Uint8Array;
  readonly kind: string;
  readonly encoding: string;
  readonly reference: string;
  readonly metadata: Readonly<Record<string, string>>;
  /** The last error of a consumer in this queue. Undefined: there was none. */
  readonly error: string | undefined;
  /** Where a dead letter came from, and why it died. Undefined for other items. */
  readonly source: { readonly queue: string; readonly reason: string; readonly error: string } | undefined;
}

/** The items of one page; the most that a call gives. */
const PAGE = 1_000;

/** All items of a queue, in the order of their partitions and ids. */
export async function itemsOf(client: Client, queue: string, firstId = ''): Promise<readonly TestItem[]> {
  const items: TestItem[] = [];
  let cursor = '';
  do {
    const request = { queueName: queue, limit: PAGE, cursor, withPayload: true, filter: { firstId } };
    const page = await client.v2.items.find(request);
    items.push(...page.items.map((item) => toTestItem(queue, item)));
    cursor = page.cursor;
  } while (cursor !== '');
  return items;
}

/** Finds an item in any queue. @returns undefined: it is gone. */
export async function findItem(client: Client, firstId: string): Promise<TestItem | undefined> {
  for await (const { queueName } of listQueues(client)) {
    const [found] = await itemsOf(client, queueName, firstId);
    if (found !== undefined) return found;
  }
  return undefined;
}

function toTestItem(queue: string, item: ItemsItem): TestItem {
  const { id, partition, attempts, payload, kind, encoding, reference, error, source } = item;
  return {
    ...{ queue, id, partition, attempts, payload, kind, encoding, reference },
    firstId: item.firstId,
    state: item.state as TestItem['state'],
    metadata: Object.fromEntries(item.metadata),
    error: error === '' ? undefined : error,
    source: source && { queue: source.queue, reason: source.reason, error: source.error },
  };
}

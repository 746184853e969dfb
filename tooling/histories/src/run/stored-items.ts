import type { Client } from '@querator/client';

const PAGE = 20_000;

/** An item that a queue holds. */
export interface StoredText {
  readonly payload: string;
  readonly id: string;
}

/** All items of a queue that wait or are leased. */
export async function storedItems(
  { storage }: Client,
  queueName: string,
  partitions: number,
): Promise<readonly StoredText[]> {
  const stored: StoredText[] = [];
  for (let partition = 0; partition < partitions; partition++) {
    for (let pivot = ''; ; ) {
      const { items } = await storage.itemsList({ queueName, partition, pivot, limit: PAGE });
      // The pivot is the first item of its page again.
      const fresh = pivot === '' ? items : items.slice(1);
      if (fresh.length === 0) break;
      for (const { id, payload } of fresh) stored.push({ payload: Buffer.from(payload).toString(), id });
      pivot = fresh.at(-1)?.id ?? '';
    }
  }
  return stored;
}

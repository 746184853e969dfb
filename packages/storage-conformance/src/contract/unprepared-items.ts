import type { ItemId, StoredItem } from '@querator/core';
import type { PartitionScript } from '../fixture/partition-script.ts';

/** Items that are not prepared letters, though some look like one. */
export interface UnpreparedItems {
  /** The source ids of the items that have one. */
  readonly sourceIds: readonly ItemId[];
  /** The current contents of the partition: queued and scheduled items. */
  all(): Promise<readonly StoredItem[][]>;
}

/** Adds an item in each state, all except one with a source id. */
export async function unpreparedItems(script: PartitionScript): Promise<UnpreparedItems> {
  const sourceIds = ['moving', 'moved', 'died unseen', 'imported', 'handed out', 'waiting', 'scheduled'];
  const [moving, moved, ...others] = sourceIds as [ItemId, ItemId, ...ItemId[]];
  for (const sourceId of [moving, moved]) await script.import(sourceId, { sourceId });
  const ids = (await script.lease()).map((item) => item.id) as [ItemId, ItemId];
  await script.retry(...ids.map((id) => ({ id, dead: true })));
  await script.store.markMoved([ids[1]]);
  const isLeased = { isLeased: true, leaseDeadline: script.in('1h') };
  const unseen = await script.import('died unseen', { sourceId: 'died unseen', ...isLeased });
  await script.retry({ id: unseen?.id ?? '', dead: true });
  // A list shows it like a prepared letter.
  await script.import('imported', { sourceId: 'imported', attempts: 0, ...isLeased });
  await script.import('handed out', { sourceId: 'handed out' });
  await script.lease();
  await script.import('waiting', { sourceId: 'waiting' });
  await script.import('scheduled', { sourceId: 'scheduled', enqueueAt: script.in('1h') });
  await script.import('no source', isLeased);
  return {
    sourceIds: [moving, moved, ...others],
    all: async () => [[...(await script.queued())], [...(await script.scheduled())]],
  };
}

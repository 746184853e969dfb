import type { ItemId, StoredItem } from '@querator/core';
import type { PartitionScript } from '../partition-script.ts';

/** Items that are no prepared letters, though some nearly are. */
export interface UnpreparedItems {
  /** Those that have a source id. */
  readonly sourceIds: readonly ItemId[];
  /** The whole partition as it is now: what is queued, and what is scheduled. */
  all(): Promise<readonly StoredItem[][]>;
}

/** Fills a partition with an item in each state, all but one with a source id of their own. */
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
  // It looks like a prepared letter from outside, and is none.
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

import type { Instant, ItemFilter, PartitionPlacement, Task } from '@querator/core';

/**
 * The filter of a task without items that were created after it, in one partition.
 *
 * @param until by storage: when the task was created, by the clock of that storage.
 */
export function createdBefore(
  filter: ItemFilter,
  { createdAt }: Pick<Task, 'createdAt'>,
  until: Readonly<Record<string, string>>,
  { storageName }: Pick<PartitionPlacement, 'storageName'>,
): ItemFilter {
  const known = until[storageName];
  const end = known === undefined ? createdAt : (BigInt(known) as Instant);
  const { from, to } = filter.created ?? {};
  return { ...filter, created: { from, to: to !== undefined && to < end ? to : end } };
}

import type { Task } from '../../api/tasks.ts';

/** What each kind of task does, in words. */
export const TASK_TITLES: Readonly<Record<string, string>> = {
  delete: 'Delete items',
  retry: 'Retry items',
  redrive: 'Redrive dead letters',
  move: 'Move items',
  move_partition: 'Move a partition',
  drain: 'Empty a storage',
  rebalance: 'Balance storages',
  resize: 'Change the partitions',
};

const OF_PARTITIONS: ReadonlySet<string> = new Set(['drain', 'rebalance', 'resize']);

/** What a task counts, in the plural. A resize has a queue that gets items only if it moves some, and counts them then. */
export function countedOf({ kind, to }: Task): string {
  return OF_PARTITIONS.has(kind) && !to ? 'partitions' : 'items';
}

/** What a task does, in words. */
export function taskTitle({ kind, filter, dry_run: isDry = false }: Task): string {
  const title = kind === 'retry' ? RETRY_TITLES[filter?.state ?? ''] : undefined;
  return `${isDry ? 'Count only: ' : ''}${title ?? TASK_TITLES[kind] ?? kind}`;
}

/** A retry does one thing or another, by the state of the items. */
const RETRY_TITLES: Readonly<Record<string, string>> = {
  leased: 'End leases',
  scheduled: 'Make items available',
};

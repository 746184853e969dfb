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
export function taskTitle({ kind, dry_run: isDry = false }: Task): string {
  return `${isDry ? 'Count only: ' : ''}${TASK_TITLES[kind] ?? kind}`;
}

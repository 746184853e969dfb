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

/** What a task does, in words. */
export function taskTitle({ kind, dry_run: isDry = false }: Task): string {
  return `${isDry ? 'Count only: ' : ''}${TASK_TITLES[kind] ?? kind}`;
}

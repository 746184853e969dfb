import type { DeathRules } from '@querator/core';
import type { ItemRow } from './item-row.ts';
import type { PartitionTable } from './partition-table.ts';

/** Whether an item may not be leased once more. */
export function isUsedUp({ attempts }: Pick<ItemRow, 'attempts'>, { maxAttempts }: DeathRules): boolean {
  return maxAttempts !== 0 && attempts >= maxAttempts;
}

/**
 * Makes moving or deletes a dead item; a sweep leaves a moving one alone until
 * `claimedUntil`. One that was marked as moved stays marked.
 */
export function bury(
  table: PartitionTable,
  { id, state }: Pick<ItemRow, 'id' | 'state'>,
  { dead }: DeathRules,
  claimedUntil: bigint,
): void {
  if (dead === 'delete') table.remove(id);
  else table.setAside(id, state === 'moved' ? 'moved' : 'moving', claimedUntil);
}

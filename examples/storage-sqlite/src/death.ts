import type { DeathRules } from '@querator/core';
import type { ItemRow } from './item-row.ts';
import type { PartitionTable } from './partition-table.ts';

/** Whether an item may not be leased again. */
export function isUsedUp({ attempts }: Pick<ItemRow, 'attempts'>, { maxAttempts }: DeathRules): boolean {
  return maxAttempts !== 0 && attempts >= maxAttempts;
}

/**
 * Deletes a dead item, or sets it to moving. Sweeps skip a moving item until
 * `claimedUntil`. An item that was marked as moved stays marked.
 */
export function deleteOrSetAside(
  table: PartitionTable,
  { id, state }: Pick<ItemRow, 'id' | 'state'>,
  { dead }: DeathRules,
  claimedUntil: bigint,
): void {
  if (dead === 'delete') table.remove(id);
  else table.setAside(id, state === 'moved' ? 'moved' : 'moving', claimedUntil);
}

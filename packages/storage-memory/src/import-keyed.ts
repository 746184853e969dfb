import {
  addDuration,
  contentBytes,
  type Instant,
  type KeyedImport,
  type KeyedImportItems,
  type KeyedImportResult,
} from '@querator/core';
import { type ImportOptions, importItems } from './import-items.ts';
import type { ItemTable } from './item-table.ts';
import { inParts, type Pause } from './turns.ts';

/**
 * Imports the items of new keys; see core's `PartitionStore`. Takes several turns of the
 * event loop if the groups are many or large. The items of one group are added in one turn,
 * so other calls see all of them and their key, or none.
 */
export async function importKeyed(
  table: ItemTable,
  { groups, window }: KeyedImport,
  pause: Pause,
  optionsNow: () => ImportOptions,
): Promise<readonly KeyedImportResult[]> {
  const results: KeyedImportResult[] = [];
  for (const part of inParts(groups, bytesOf)) {
    if (results.length > 0) await pause();
    const options = optionsNow();
    const endsAt = addDuration(options.now, window);
    results.push(...part.map((group) => importGroup(table, group, options, endsAt)));
  }
  return results;
}

function importGroup(
  table: ItemTable,
  { key, items }: KeyedImportItems,
  options: ImportOptions,
  endsAt: Instant,
): KeyedImportResult {
  if (table.dedupKeys.idsOf(key, options.now) !== undefined) return items.map(() => undefined);
  const stored = importItems(table, items, options);
  const ids = stored.flatMap((item) => item?.id ?? []);
  table.dedupKeys.add(key, ids, endsAt);
  return stored;
}

function bytesOf({ items }: KeyedImportItems): number {
  return items.reduce((sum, item) => sum + contentBytes(item), 0);
}

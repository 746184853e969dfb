import type { Clock } from '@querator/core';
import type { ItemIds } from './item-ids.ts';
import type { ItemTable } from './item-table.ts';
import type { Pause } from './turns.ts';

/** Dependencies of a partition. */
export interface PartitionParts {
  readonly clock: Clock;
  readonly ids: ItemIds;
  /** The current table of the partition. Throws if the backend or, after a `dropEmpty`, the queue is closed. */
  readonly table: () => ItemTable;
  /** The table for a call that only counts. Throws if the backend is closed. */
  readonly countedTable: () => ItemTable;
  /** The same for calls that write. Throws also if the partition is closed for them. @param adds they add items. */
  readonly open: (adds?: boolean) => ItemTable;
  /** Throws if the partition takes no dedup keys of that spread. */
  readonly checkKeys: (keySpread: number) => void;
  readonly drop: () => void;
  readonly dropEmpty: () => boolean;
  /** Lets other work run during a call on many items. */
  readonly pause: Pause;
}

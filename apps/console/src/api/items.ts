import { call } from './call.ts';
import type { Item, ItemsFilter, ItemsGroup } from './item.ts';
import type { Page } from './types.ts';

interface FindRequest {
  readonly queue_name: string;
  readonly filter?: ItemsFilter;
  readonly limit?: number;
  readonly cursor?: string | undefined;
  readonly with_payload?: boolean;
}

/** A part of what a queue holds: one call reads a bounded number of items. */
export interface FoundItems extends Page<Item> {
  /** How many items were read. */
  readonly scanned?: number;
}

export const findItems = (request: FindRequest, signal: AbortSignal): Promise<FoundItems> =>
  call('v2/items.find', request, { signal });

/** The counts of the items that one call has read. */
interface ItemsSummary {
  readonly groups?: readonly ItemsGroup[];
  readonly others?: number;
  readonly cursor?: string;
  readonly scanned?: number;
}

export const summarizeItems = (
  request: Pick<FindRequest, 'queue_name' | 'filter' | 'cursor'> & { readonly by: string },
  signal: AbortSignal,
): Promise<ItemsSummary> => call('v2/items.summarize', request, { signal });

/** What became of one id of a call. */
interface ItemOutcome {
  readonly id?: string;
  /** Absent: it succeeded. */
  readonly code?: string;
  readonly message?: string;
}

interface Outcomes {
  readonly items?: readonly ItemOutcome[];
}

/** Items of one partition. */
export interface PartitionIds {
  readonly queue_name: string;
  readonly partition: number;
  readonly ids: readonly string[];
}

/** Ends leases. The items go back to the queue. */
export const retryItems = (request: PartitionIds): Promise<Outcomes> => call('v2/items.retry', request);

export const deleteItems = (request: PartitionIds): Promise<Outcomes> => call('v2/items.delete', request);

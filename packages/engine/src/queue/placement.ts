import type { Instant, PartitionStore } from '@querator/core';
import type { LimitedCalls } from '../partition/storage-limits.ts';
import type { Poller } from '../polling/poller.ts';

/** One partition of a queue, on its storage. */
export interface Placement {
  /** Its position in the queue. */
  readonly number: number;
  readonly storageName: string;
  readonly store: PartitionStore;
  /** For calls that concern the whole partition. */
  readonly limited: LimitedCalls;
  /** The storage's clock. Undefined if it cannot be read. */
  readonly now?: (() => Promise<Instant>) | undefined;
  /** Undefined if the storage is not configured. */
  readonly poller?: Poller | undefined;
}

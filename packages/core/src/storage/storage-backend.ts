import type { PartitionStore } from './partition-store.ts';
import type { QueueStore } from './queue-store.ts';

/** Names one partition of one queue. */
export interface PartitionKey {
  readonly queue: string;
  readonly partition: number;
}

/** What a driver can and cannot do, as data: tests skip only through it, and operators can read it. */
export interface StorageCapabilities {
  /** Items survive the end of the process. */
  readonly durable: boolean;
  /** Several processes may use the same storage at the same time. */
  readonly shared: boolean;
}

/**
 * A configured storage, as the composition root makes it from the settings of
 * a driver. Making one touches no disk and no network, and never fails for
 * want of them: storage is reached at the first call of a store.
 */
export interface StorageBackend {
  /** The name under which queues refer to it. */
  readonly name: string;
  readonly capabilities: StorageCapabilities;

  /** The place for queues' settings. The same object each time. */
  queueStore(): QueueStore;

  /** The store of one partition. Cheap; two stores of one key see the same items. */
  partitionStore(key: PartitionKey): PartitionStore;

  /** Waits for running calls, and lets go of connections. Calls after it fail. Closing twice is once. */
  close(): Promise<void>;
}

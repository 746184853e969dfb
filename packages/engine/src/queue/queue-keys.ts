import { type CarriedKey, type Queue, unavailable } from '@querator/core';
import { keySpreadOf, partitionOfKey } from '../partition/key-places.ts';
import type { ActivePartition } from './active-partition.ts';

/** Where a list of dedup keys goes on: after a key of a partition. */
export interface KeyPosition {
  readonly partition: number;
  /** Undefined: at the first key. */
  readonly after: string | undefined;
}

/** A dedup key with the partition that has it. */
export interface QueueKey extends CarriedKey {
  readonly partition: number;
}

/** A page of the keys of a queue. */
export interface QueueKeysPage {
  /** In order of their partitions, and then in byte order. Maybe none, even if there are more further on. */
  readonly keys: readonly QueueKey[];
  /** Undefined: there are no more. */
  readonly next: KeyPosition | undefined;
}

export interface QueueKeysDeps {
  readonly queue: () => Queue;
  readonly partitions: readonly ActivePartition[];
  /** Runs a storage call that the stop of the queue waits for. */
  readonly call: <T>(call: () => Promise<T>) => Promise<T>;
}

/** Reads and stores the dedup keys of a queue, as an export and an import do. */
export class QueueKeys {
  readonly #deps: QueueKeysDeps;

  constructor(deps: QueueKeysDeps) {
    this.#deps = deps;
  }

  /**
   * Reads keys of one partition, in its turn with the searches of other queues. A partition whose storage has
   * no dedup keys has none.
   *
   * @throws StorageError; QueueError `failed` once the queue stops.
   */
  async read({ partition, after }: KeyPosition, limit: number): Promise<QueueKeysPage> {
    const { partitions, call } = this.#deps;
    const active = partitions[partition];
    if (active === undefined) return { keys: [], next: undefined };
    const { limited, store } = active.state;
    const page = await call(() => limited.find(async () => store.readKeys?.({ after, limit })));
    const keys = page?.keys.map((key) => ({ ...key, partition })) ?? [];
    if (page?.next !== undefined) return { keys, next: { partition, after: page.next } };
    const isLast = partition + 1 >= partitions.length;
    return { keys, next: isLast ? undefined : { partition: partition + 1, after: undefined } };
  }

  /**
   * Stores keys in the partitions in which produces look for them.
   *
   * @param keys no key is named twice.
   * @returns how many are stored now. The others are held already, or have ended.
   * @throws QueueError `invalid` if a storage has no dedup keys, `over_limit` if it may hold no more; StorageError. Then
   *   some may be stored, and the call may be repeated.
   */
  async store(keys: readonly CarriedKey[]): Promise<number> {
    const { partitions, call } = this.#deps;
    const queue = this.#deps.queue();
    const keySpread = keySpreadOf(queue);
    let stored = 0;
    for (const [partition, part] of Map.groupBy(keys, ({ key }) => partitionOfKey(queue, key))) {
      const active = partitions[partition];
      if (active === undefined) throw unavailable('retry', 'the queue has lost the partition');
      stored += await call(() => active.keys.store(part, keySpread));
    }
    return stored;
  }
}

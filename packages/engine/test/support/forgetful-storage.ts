import {
  type DeadLetter,
  decorateStore,
  type LeaseBatch,
  type LetterTimeouts,
  metadataUnavailable,
  PARTITION_STORE,
  type PartitionKey,
  type PartitionOwner,
  type PartitionStore,
  type ProbeResult,
  type ProduceRequest,
  type RetryRequest,
  STORAGE_BACKEND,
  type StorageBackend,
} from '@querator/core';

/** Why its partitions keep no metadata. */
export const FORGETFUL = 'the driver keeps none';

/**
 * A storage whose partitions keep no metadata until a test says so, as a driver
 * without the capability, or as tables that lack a column.
 */
export class ForgetfulStorage {
  /** The numbers of the partitions that keep metadata. */
  readonly keeping = new Set<number>();
  readonly backend: StorageBackend;

  constructor(inner: StorageBackend) {
    this.backend = {
      ...decorateStore(STORAGE_BACKEND, inner, (_, call) => call),
      capabilities: { ...inner.capabilities, metadata: false },
      partitionStore: (key, owner) => this.#store(inner, key, owner),
    };
  }

  #store(inner: StorageBackend, key: PartitionKey, owner: PartitionOwner | undefined): PartitionStore {
    const store = inner.partitionStore(key, owner);
    const keeps = () => this.keeping.has(key.partition);
    const refused = { ok: false, error: metadataUnavailable(FORGETFUL) } as const;
    return {
      ...decorateStore(PARTITION_STORE, store, (_, call) => call),
      probe: async (): Promise<ProbeResult> => {
        await store.probe();
        return { metadataFault: keeps() ? undefined : FORGETFUL };
      },
      produce: async (requests: readonly ProduceRequest[], expireTimeout) => {
        const needs = requests.some(({ items }) => items.some(({ metadata }) => metadata !== undefined));
        return needs && !keeps() ? requests.map(() => refused) : store.produce(requests, expireTimeout);
      },
      lease: (batch: LeaseBatch) => store.lease({ ...batch, details: batch.details === true && keeps() }),
      retry: async (requests: readonly RetryRequest[], rules) => {
        const needs = requests.some(({ items }) => items.some(({ error }) => error !== undefined));
        return needs && !keeps() ? requests.map(() => refused) : store.retry(requests, rules);
      },
      prepareLetters: (letters: readonly DeadLetter[], timeouts: LetterTimeouts) =>
        store.prepareLetters(
          keeps() ? letters : letters.map((letter) => ({ ...letter, details: undefined })),
          timeouts,
        ),
    };
  }
}

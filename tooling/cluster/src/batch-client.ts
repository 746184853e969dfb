import { milliseconds, type PartitionStore } from '@querator/core';

const HOUR = milliseconds(3_600_000);
const DAY = milliseconds(24 * 3_600_000);

/** The result of a lease. */
interface Request {
  readonly ids: readonly string[];
  readonly tookMs: number;
}

/** A client of a partition's store whose batches all have the same size and content. */
export class BatchClient {
  readonly #store: PartitionStore;
  readonly #items: readonly { encoding: ''; kind: ''; reference: ''; payload: Uint8Array }[];

  constructor(store: PartitionStore, batch: number, payloadBytes = 100) {
    this.#store = store;
    const content = {
      encoding: '',
      kind: '',
      reference: '',
      payload: Buffer.alloc(payloadBytes, 'x'),
    } as const;
    this.#items = Array.from({ length: batch }, () => content);
  }

  /** Stores one batch. @returns how long it took, in milliseconds. */
  async produce(): Promise<number> {
    const before = performance.now();
    await this.#store.produce([{ items: this.#items }], DAY);
    return performance.now() - before;
  }

  /** Leases up to one batch. */
  async lease(): Promise<Request> {
    const before = performance.now();
    const items = await this.#store.lease({ limit: this.#items.length, leaseTimeout: HOUR });
    return { ids: items.map(({ id }) => id), tookMs: performance.now() - before };
  }

  async complete({ ids }: Pick<Request, 'ids'>): Promise<void> {
    await this.#store.complete([{ ids }]);
  }

  /** Produces a batch, leases one and completes it. @returns the lease. */
  async cycle(): Promise<Request> {
    await this.produce();
    const leased = await this.lease();
    await this.complete(leased);
    return leased;
  }
}

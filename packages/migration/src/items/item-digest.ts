import { createHash } from 'node:crypto';
import { codecsV2, type ItemsItem } from '@querator/protocol';

const MODULUS = 1n << 256n;

/**
 * A number for a set of items, in whatever order and partition they are: the sum of the
 * SHA-256 of each, modulo 2^256. It covers what an import keeps for as long as nobody
 * works on the queue: contents, first ids, attempts, metadata, errors, sources, when
 * items expire and become available. Ids, leases and `created_at` are not part of it.
 */
export class ItemDigest {
  #sum: bigint;
  #items: number;

  /** @param value goes on from such a {@link value}. */
  constructor({ items, digest }: DigestValue = { items: 0, digest: '' }) {
    this.#items = items;
    this.#sum = digest === '' ? 0n : BigInt(`0x${digest}`);
  }

  add(item: ItemsItem): void {
    this.#items++;
    this.#sum = (this.#sum + BigInt(`0x${hashOf(item)}`)) % MODULUS;
  }

  /** The number of items and 64 hex digits, which are those of another digest only if the items are. */
  get value(): DigestValue {
    return { items: this.#items, digest: this.#sum.toString(16).padStart(64, '0') };
  }
}

/** What {@link ItemDigest} found. */
export interface DigestValue {
  readonly items: number;
  readonly digest: string;
}

const NOT_COMPARED: Partial<ItemsItem> = {
  ...{ id: '', partition: 0, state: '', reason: '', payloadSize: 0, dedupKey: '' },
  ...{ createdAt: undefined, leaseDeadline: undefined, diedAt: undefined },
};

function hashOf(item: ItemsItem): string {
  const metadata = new Map([...item.metadata].sort(([a], [b]) => (a < b ? -1 : 1)));
  return createHash('sha256')
    .update(codecsV2.ItemsItem.toJson({ ...item, ...NOT_COMPARED, metadata }))
    .digest('hex');
}

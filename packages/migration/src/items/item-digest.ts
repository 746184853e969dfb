import { createHash } from 'node:crypto';
import { codecsV2, type ItemsDedupKey, type ItemsItem } from '@querator/protocol';

/** Sums of hashes are taken modulo this. */
export const MODULUS = 1n << 256n;

/**
 * A number for a set of items, in whatever order and partition they are: the sum of the
 * SHA-256 of each, modulo 2^256. It covers what an import keeps for as long as nobody
 * works on the queue: contents, first ids, attempts, metadata, errors, sources, when
 * items expire and become available. Ids, leases and `created_at` are not part of it.
 * The same for dedup keys.
 */
export class ItemDigest {
  #sum: bigint;
  #items: number;
  #keySum: bigint;
  #keys: number;

  /** @param value goes on from such a {@link value}. */
  constructor({ items, digest, keys }: DigestValue = { items: 0, digest: '' }) {
    this.#items = items;
    this.#sum = fromHex(digest);
    this.#keys = keys?.count ?? 0;
    this.#keySum = fromHex(keys?.digest ?? '');
  }

  add(item: ItemsItem): void {
    this.#items++;
    this.#sum = (this.#sum + BigInt(`0x${hashOf(item)}`)) % MODULUS;
  }

  addKey(key: ItemsDedupKey): void {
    this.#keys++;
    this.#keySum = (this.#keySum + hashOfKey(key)) % MODULUS;
  }

  /** The number of items and 64 hex digits, which are those of another digest only if the items are. */
  get value(): DigestValue {
    const keys = { count: this.#keys, digest: toHex(this.#keySum) };
    return { items: this.#items, digest: toHex(this.#sum), ...(keys.count > 0 && { keys }) };
  }
}

/** What {@link ItemDigest} found. */
export interface DigestValue {
  readonly items: number;
  readonly digest: string;
  /** The same of the dedup keys. Undefined: there are none. */
  readonly keys?: { readonly count: number; readonly digest: string } | undefined;
}

/** The SHA-256 of a dedup key, its ids and its end, in whatever partition it is. */
export function hashOfKey(key: ItemsDedupKey): bigint {
  const json = codecsV2.ItemsDedupKey.toJson({ ...key, partition: 0 });
  return fromHex(createHash('sha256').update(json).digest('hex'));
}

function toHex(sum: bigint): string {
  return sum.toString(16).padStart(64, '0');
}

/** @param digits empty: 0. */
function fromHex(digits: string): bigint {
  return digits === '' ? 0n : BigInt(`0x${digits}`);
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

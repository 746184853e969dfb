import { createCipheriv, createHash } from 'node:crypto';
import { formatItemId, ITEM_ID_RANDOM_LENGTH, type ItemId } from '@querator/core';
import type { Connection } from './connection.ts';

/** How many numbers are reserved at once. A crash skips those that were not used. */
const RESERVED_AT_ONCE = 10_000n;

/**
 * Numbers of ids have 48 bits: at 100,000 items per second they last for 89 years. The bits above
 * tell the ranges of partitions apart; see `PartitionPlace`.
 */
const NUMBER_BITS = 48n;
/** No id of this driver has a greater number. */
export const GREATEST_NUMBER: bigint = 2n ** NUMBER_BITS - 1n;
/** The greatest range: together with a number it fits SQLite's keys of rows. */
export const GREATEST_RANGE: bigint = 2n ** (63n - NUMBER_BITS) - 1n;

/** The key of the row of an item, in the range of its partition. */
export function seqIn(range: bigint, number: bigint): bigint {
  return (range << NUMBER_BITS) | number;
}

/** The two parts of an id. */
export interface NewId {
  readonly number: bigint;
  readonly tail: string;
}

/**
 * The numbers of ids, which only grow. The file holds a bound below which all are used
 * up, so that most transactions need not write it.
 */
export class Sequence {
  readonly #connection: Connection;
  readonly #tails: Tails;
  #last: bigint;
  #reserved: bigint;

  constructor(connection: Connection, seed: string) {
    this.#connection = connection;
    this.#tails = new Tails(seed);
    this.#reserved = readReserved(connection);
    this.#last = this.#reserved;
  }

  next(): NewId {
    if (this.#last === this.#reserved) {
      this.#reserved += RESERVED_AT_ONCE;
      this.#connection.run(`update numbers set value = ? where name = 'reserved_seq'`, this.#reserved);
    }
    this.#last += 1n;
    return { number: this.#last, tail: this.#tails.next() };
  }

  /** No id has a greater number. */
  get last(): bigint {
    return this.#last;
  }

  /** Later numbers are greater than this one. */
  raise(above: bigint): void {
    if (above <= this.#last) return;
    this.#last = above;
    if (above <= this.#reserved) return;
    this.#reserved = above;
    this.#connection.run(`update numbers set value = ? where name = 'reserved_seq'`, above);
  }

  /** Call it when changes were rolled back, maybe with a reservation. Numbers that were given out are not used again. */
  rolledBack(): void {
    this.#reserved = readReserved(this.#connection);
    if (this.#reserved < this.#last) this.#reserved = this.#last;
  }
}

function readReserved(connection: Connection): bigint {
  const row = connection.get<{ value: bigint }>(`select value from numbers where name = 'reserved_seq'`);
  return row?.value ?? 0n;
}

/** The id of the item in a row. */
export function idOf({ seq, tail }: { readonly seq: bigint; readonly tail: string }): ItemId {
  return formatItemId(seq & GREATEST_NUMBER, tail);
}

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
/** Bytes from 248 = 4 × 62 on are skipped: they would favour the first letters of the alphabet. */
const UNBIASED_BELOW = 248;
const POOL_BYTES = 16_384;

/** The random parts of ids: a stream of AES-256 in counter mode, keyed with the seed of the injected randomness. */
class Tails {
  readonly #cipher: ReturnType<typeof createCipheriv>;
  #pool: Uint8Array = new Uint8Array();
  #next = 0;

  constructor(seed: string) {
    const key = createHash('sha256').update(seed).digest();
    this.#cipher = createCipheriv('aes-256-ctr', key, new Uint8Array(16));
  }

  next(): string {
    let text = '';
    while (text.length < ITEM_ID_RANDOM_LENGTH) {
      if (this.#next === this.#pool.length) {
        this.#pool = this.#cipher.update(new Uint8Array(POOL_BYTES));
        this.#next = 0;
      }
      const byte = this.#pool[this.#next++] as number;
      if (byte < UNBIASED_BELOW) text += ALPHABET[byte % ALPHABET.length];
    }
    return text;
  }
}

import type { Duration, Instant, ItemId } from '@querator/core';
import type { RenewedItem } from './renewal.ts';

/** A lease as the table holds it. */
export interface TableLease {
  readonly id: ItemId;
  readonly partition: number;
  readonly leasedFor: Duration;
  /** By the local clock. */
  readonly renewUntil: Instant;
  /** By the local clock. */
  readonly renewAt: Instant;
}

/** A lease as the reader finds it. */
export interface FoundLease extends TableLease {
  readonly slot: number;
  /** Differs from that of an earlier lease in the slot. */
  readonly version: number;
}

/** The longest id, in characters. Those of the server have 27. */
const LONGEST_ID = 40;
const FIRST_SLOTS = 64;

/** The places in a slot, in words of 4 bytes. Each time takes two words. */
const VERSION = 0;
const ID_LENGTH = 1;
const PARTITION = 2;
const TIMES = 4;
const ID = 10;
const SLOT_WORDS = ID + LONGEST_ID / 4;
/** The places in the header, which is as long as a slot. */
const USED_SLOTS = 0;
const NEXT_LOOK = 2;

/** The value of `nextLook` while the reader plans no look, and waits for a message. */
const NEVER = 2n ** 63n - 1n;

/** Whether the table can hold the lease of an item. */
export function fitsTable({ id, leasedFor, renewAt }: RenewedItem): boolean {
  const isTimed = leasedFor !== undefined && renewAt !== undefined;
  return isTimed && id.length <= LONGEST_ID && /^[ -~]+$/.test(id);
}

/**
 * The leases that a worker holds, in memory that two threads share. The event loop
 * writes, and the thread that renews leases reads. So leases come and go without
 * messages, which cost as much as a tenth of a busy worker.
 *
 * The reader says when it will look next. A writer whose lease has to be renewed
 * earlier has to tell it. All accesses are atomic, so both see them in one order.
 */
export class LeaseTable {
  readonly buffer: SharedArrayBuffer;
  readonly #words: Int32Array;
  readonly #times: BigInt64Array;
  /** The writer's. */
  readonly #free: number[] = [];

  /** @param buffer that of another table, which is shared then. Undefined: a new one. */
  constructor(buffer?: SharedArrayBuffer) {
    this.buffer = buffer ?? new SharedArrayBuffer((FIRST_SLOTS + 1) * SLOT_WORDS * 4);
    this.#words = new Int32Array(this.buffer);
    this.#times = new BigInt64Array(this.buffer);
    if (buffer === undefined) this.nextLook = undefined;
  }

  /** The time by which the reader reads the table again. Undefined: only after a message. */
  get nextLook(): Instant | undefined {
    const at = Atomics.load(this.#times, NEXT_LOOK / 2);
    return at === NEVER ? undefined : (at as Instant);
  }

  set nextLook(at: Instant | undefined) {
    Atomics.store(this.#times, NEXT_LOOK / 2, at ?? NEVER);
  }

  /** Adds a lease that fits. @returns its slot. Undefined: the table is full. */
  add({ id, partition, leasedFor, renewUntil, renewAt }: TableLease): number | undefined {
    const slot = this.#free.pop() ?? this.#newSlot();
    if (slot === undefined) return undefined;
    const at = wordOf(slot);
    const words = this.#words;
    Atomics.add(words, at + VERSION, 1);
    Atomics.store(words, at + PARTITION, partition);
    for (const [n, time] of [leasedFor, renewUntil, renewAt].entries()) {
      Atomics.store(this.#times, (at + TIMES) / 2 + n, time);
    }
    for (let n = 0; n < id.length; n += 4) {
      const packed =
        charAt(id, n) | (charAt(id, n + 1) << 8) | (charAt(id, n + 2) << 16) | (charAt(id, n + 3) << 24);
      Atomics.store(words, at + ID + n / 4, packed);
    }
    Atomics.store(words, at + ID_LENGTH, id.length);
    Atomics.add(words, at + VERSION, 1);
    return slot;
  }

  /** Removes the lease in a slot. */
  remove(slot: number): void {
    // One store, which needs no new version: the next lease in the slot has one.
    Atomics.store(this.#words, wordOf(slot) + ID_LENGTH, 0);
    this.#free.push(slot);
  }

  /** A table of twice the size with the same leases in the same slots. To be used instead of this one. */
  grown(): LeaseTable {
    const slots = this.buffer.byteLength / 4 / SLOT_WORDS - 1;
    const bigger = new LeaseTable(new SharedArrayBuffer((2 * slots + 1) * SLOT_WORDS * 4));
    bigger.#words.set(this.#words);
    bigger.nextLook = undefined;
    bigger.#free.push(...this.#free);
    return bigger;
  }

  /** The leases that are there. One that is being written is left out: its writer asks for `nextLook` after that. */
  found(): readonly FoundLease[] {
    const found: FoundLease[] = [];
    const used = Atomics.load(this.#words, USED_SLOTS);
    for (let slot = 0; slot < used; slot++) {
      const lease = this.#read(slot);
      if (lease !== undefined) found.push(lease);
    }
    return found;
  }

  #newSlot(): number | undefined {
    const slot = Atomics.load(this.#words, USED_SLOTS);
    if (wordOf(slot + 1) > this.#words.length) return undefined;
    Atomics.store(this.#words, USED_SLOTS, slot + 1);
    return slot;
  }

  #read(slot: number): FoundLease | undefined {
    const at = wordOf(slot);
    const word = (place: number) => Atomics.load(this.#words, at + place);
    const version = word(VERSION);
    const length = word(ID_LENGTH);
    if (version % 2 !== 0 || length === 0) return undefined;
    const [leasedFor, renewUntil, renewAt] = [0, 1, 2].map((n) =>
      Atomics.load(this.#times, (at + TIMES) / 2 + n),
    );
    let id = '';
    for (let n = 0; n < length; n++) id += String.fromCharCode((word(ID + (n >> 2)) >> (8 * (n & 3))) & 0x7f);
    const lease = {
      ...{ slot, version, id, partition: word(PARTITION), leasedFor: leasedFor as Duration },
      ...{ renewUntil: renewUntil as Instant, renewAt: renewAt as Instant },
    };
    return word(VERSION) === version && word(ID_LENGTH) === length ? lease : undefined;
  }
}

/** The first word of a slot. The header comes before the first one. */
function wordOf(slot: number): number {
  return (slot + 1) * SLOT_WORDS;
}

function charAt(id: string, n: number): number {
  return n < id.length ? id.charCodeAt(n) : 0;
}

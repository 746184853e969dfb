/** The items of a lease reply, not decoded. */
export interface LeaseScan {
  readonly partition: number;
  /** The offset of each item's id in the reply. */
  readonly idStarts: readonly number[];
}

/** The length of an id in bytes. Any other length is an error. */
export const ID_BYTES = 27;

const LENGTH_DELIMITED = 2;
const PARTITION = 2 << 3;
const ITEMS = (3 << 3) | LENGTH_DELIMITED;
const ITEM_ID = (4 << 3) | LENGTH_DELIMITED;

/**
 * Finds the ids in a QueueLeaseResponse in protobuf and skips all other fields, so
 * that the load generator does not spend processor time on payloads.
 *
 * @throws Error when the bytes are no such message, or an item has no id.
 */
export function scanLease(body: Uint8Array): LeaseScan {
  const reader = new Cursor(body);
  const idStarts: number[] = [];
  let partition = 0;
  while (reader.position < body.length) {
    const tag = reader.varint();
    if (tag === PARTITION) partition = reader.varint();
    else if (tag === ITEMS) {
      const length = reader.varint();
      idStarts.push(findId(reader, reader.position + length));
    } else reader.skip(tag);
  }
  return { partition, idStarts };
}

function findId(reader: Cursor, end: number): number {
  let found = -1;
  while (reader.position < end) {
    const tag = reader.varint();
    if (tag === ITEM_ID) {
      if (reader.varint() !== ID_BYTES) throw new Error('an id of another length');
      found = reader.position;
      reader.position += ID_BYTES;
    } else reader.skip(tag);
  }
  if (found < 0 || reader.position !== end) throw new Error('an item without an id, or cut off');
  return found;
}

/** Reads varints and skips fields. */
class Cursor {
  position = 0;
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  varint(): number {
    let value = 0;
    let scale = 1;
    for (;;) {
      const byte = this.#bytes[this.position++];
      if (byte === undefined) throw new Error('the reply is cut off');
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
      scale *= 128;
    }
  }

  skip(tag: number): void {
    switch (tag & 7) {
      case 0:
        this.varint();
        break;
      case LENGTH_DELIMITED: {
        const length = this.varint();
        this.position += length;
        break;
      }
      default:
        throw new Error(`a field of wire type ${tag & 7} in a lease's reply`);
    }
    if (this.position > this.#bytes.length) throw new Error('the reply is cut off');
  }
}

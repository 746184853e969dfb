import type { ItemContent } from '@querator/core';

/**
 * The content of an item as stored: an immutable copy. The payload is a string
 * with one character per byte. A small one takes a third of the memory of a byte
 * array, all within V8's heap.
 */
export interface PackedContent extends Omit<ItemContent, 'payload'> {
  readonly payload: string;
}

export function packContent({ encoding, kind, reference, payload }: ItemContent): PackedContent {
  const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
  return { encoding, kind, reference, payload: bytes.toString('latin1') };
}

/** The bytes of the content that count towards the payload budget. */
export function packedBytes({ encoding, kind, reference, payload }: PackedContent): number {
  return payload.length + encoding.length + kind.length + reference.length;
}

/** Up to this number of bytes, V8 keeps a byte array within its heap, unless its buffer is asked for. */
const SMALL_BYTES = 64;

/** The original content, as a copy for the caller. */
export function unpackContent({ encoding, kind, reference, payload }: PackedContent): ItemContent {
  const { length } = payload;
  const bytes = new Uint8Array(length);
  // 120 ns for 64 bytes; by the buffer 260 ns.
  if (length <= SMALL_BYTES) for (let at = 0; at < length; at++) bytes[at] = payload.charCodeAt(at);
  else Buffer.from(bytes.buffer).write(payload, 'latin1');
  return { encoding, kind, reference, payload: bytes };
}

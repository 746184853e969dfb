import type { ItemContent } from '@querator/core';

/** The bytes of a content that count towards the payload budget. */
export function bytesOf({ payload, encoding, kind, reference }: ItemContent): number {
  return (
    payload.byteLength + Buffer.byteLength(encoding) + Buffer.byteLength(kind) + Buffer.byteLength(reference)
  );
}

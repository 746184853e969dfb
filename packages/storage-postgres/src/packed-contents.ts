import type { ItemContent } from '@querator/core';

/**
 * The contents of many items as columns for `unnest`. The payloads travel as
 * one binary value that the statement cuts up again: an array of them would
 * have to be written in hexadecimal and escaped, which at 10 kB each takes
 * four times as long.
 */
export interface PackedContents {
  readonly references: readonly string[];
  readonly encodings: readonly string[];
  readonly kinds: readonly string[];
  readonly payloads: Buffer;
  /** Where each payload starts, counted from 1. */
  readonly starts: readonly number[];
  readonly lengths: readonly number[];
}

/** Lays the contents of items side by side. */
export function packContents(items: readonly ItemContent[]): PackedContents {
  const starts: number[] = [];
  let next = 1;
  for (const { payload } of items) {
    starts.push(next);
    next += payload.byteLength;
  }
  return {
    references: items.map((item) => item.reference),
    encodings: items.map((item) => item.encoding),
    kinds: items.map((item) => item.kind),
    payloads: Buffer.concat(
      items.map(({ payload }) => payload),
      next - 1,
    ),
    starts,
    lengths: items.map(({ payload }) => payload.byteLength),
  };
}

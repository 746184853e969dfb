import type { ItemContent } from '@querator/core';
import { byteaArray, textArray } from '../wire/binary-array.ts';

/** The texts of many items, as columns for `unnest`. */
export interface PackedTexts {
  readonly reference: Buffer;
  readonly encoding: Buffer;
  readonly kind: Buffer;
}

/** The payloads of many items, as a column for `unnest`. */
export function packPayloads(items: readonly ItemContent[]): Buffer {
  return byteaArray(items.map(({ payload }) => payload));
}

/** The texts of many items. */
export function packTexts(items: readonly ItemContent[]): PackedTexts {
  return {
    reference: textArray(items.map(({ reference }) => reference)),
    encoding: textArray(items.map(({ encoding }) => encoding)),
    kind: textArray(items.map(({ kind }) => kind)),
  };
}

/** Whether any of the items has a text. Most queues use none, and statements can leave the columns out. */
export function hasTexts(items: readonly ItemContent[]): boolean {
  return items.some(({ reference, encoding, kind }) => reference !== '' || encoding !== '' || kind !== '');
}

import type { ItemContent } from '@querator/core';

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Content that identifies its item in every field. */
export function contentOf(name: string): ItemContent {
  return {
    encoding: `encoding of ${name}`,
    kind: `kind of ${name}`,
    reference: `reference of ${name}`,
    payload: encoder.encode(name),
  };
}

/** The name of the item, with a mark if other fields belong to another item. */
export function nameOf({ payload, encoding, kind, reference }: ItemContent): string {
  const name = decoder.decode(payload);
  const isWhole =
    encoding === `encoding of ${name}` && kind === `kind of ${name}` && reference === `reference of ${name}`;
  return isWhole ? name : `${name} (with another's content)`;
}

/** a, b, … z, a1, b1, … */
export function nthName(n: number): string {
  const letter = String.fromCharCode('a'.charCodeAt(0) + (n % 26));
  return n < 26 ? letter : `${letter}${Math.floor(n / 26)}`;
}

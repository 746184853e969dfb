/**
 * Compares two texts by the bytes of their UTF-8, for `sort`. JavaScript's own
 * comparison goes by UTF-16 units, which puts U+1F600 before U+FFFD.
 */
export function byteOrder(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

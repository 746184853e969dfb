/**
 * Compares two texts by their UTF-8 bytes, for `sort`. JavaScript compares UTF-16
 * units, which puts U+1F600 before U+FFFD.
 */
export function byteOrder(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

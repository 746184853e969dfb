/** PostgreSQL's type numbers of the elements. */
export const BYTEA_OID = 17;
export const TEXT_OID = 25;

const HEADER_BYTES = 20;
const LENGTH_BYTES = 4;

/**
 * A one-dimensional array in PostgreSQL's binary format, which node-postgres sends
 * as it is. Measured here as the fastest way for text and bytes: no hexadecimal,
 * no quoting.
 */
export function binaryArray(elementOid: number, elements: readonly Uint8Array[]): Buffer {
  const length = elements.reduce((sum, element) => sum + LENGTH_BYTES + element.length, HEADER_BYTES);
  const bytes = Buffer.allocUnsafe(length);
  let at = bytes.writeInt32BE(1, 0);
  at = bytes.writeInt32BE(0, at);
  at = bytes.writeInt32BE(elementOid, at);
  at = bytes.writeInt32BE(elements.length, at);
  at = bytes.writeInt32BE(1, at);
  for (const element of elements) {
    at = bytes.writeInt32BE(element.length, at);
    bytes.set(element, at);
    at += element.length;
  }
  return bytes;
}

/** PostgreSQL's type ids of the elements. They are the same in every version. */
const TEXT_OID = 25;
const BYTEA_OID = 17;

const HEADER_BYTES = 20;

/**
 * An array as a parameter in PostgreSQL's binary format (`array_recv`). It has the
 * number of dimensions, whether there are nulls, and the type of the elements. The
 * length and lower bound of the one dimension follow, then each element after its
 * length. As text, each element would have to be quoted, and bytes written in
 * hexadecimal. That takes more time on both sides than the rest of the statement.
 */
export function byteaArray(elements: readonly Uint8Array[]): Buffer {
  let size = HEADER_BYTES;
  for (const element of elements) size += 4 + element.byteLength;
  const array = begin(size, BYTEA_OID, elements.length);
  let at = HEADER_BYTES;
  for (const element of elements) {
    at = array.writeInt32BE(element.byteLength, at);
    array.set(element, at);
    at += element.byteLength;
  }
  return array;
}

/** As {@link byteaArray}, for texts. Malformed UTF-16 is sent as U+FFFD. */
export function textArray(elements: readonly string[]): Buffer {
  let size = HEADER_BYTES;
  for (const element of elements) size += 4 + Buffer.byteLength(element);
  const array = begin(size, TEXT_OID, elements.length);
  let at = HEADER_BYTES;
  for (const element of elements) {
    const length = array.write(element, at + 4);
    array.writeInt32BE(length, at);
    at += 4 + length;
  }
  return array;
}

function begin(size: number, elementType: number, count: number): Buffer {
  const array = Buffer.allocUnsafe(count === 0 ? 12 : size);
  array.writeInt32BE(count === 0 ? 0 : 1, 0);
  array.writeInt32BE(0, 4);
  array.writeInt32BE(elementType, 8);
  if (count === 0) return array;
  array.writeInt32BE(count, 12);
  array.writeInt32BE(1, 16);
  return array;
}

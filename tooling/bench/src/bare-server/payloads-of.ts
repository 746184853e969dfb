/** The protobuf field numbers of a produce's items and of an item's payload. */
const ITEMS = 3;
const PAYLOAD = 5;

/** The payloads of a produce in protobuf. All its fields must be length-delimited. */
export function payloadsOf(body: Buffer): readonly Buffer[] {
  const payloads: Buffer[] = [];
  let at = 0;
  const varint = () => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = body.readUInt8(at++);
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  const read = (end: number, isItem: boolean) => {
    while (at < end) {
      const field = varint() >>> 3;
      const length = varint();
      const fieldEnd = at + length;
      if (isItem && field === PAYLOAD) payloads.push(body.subarray(at, fieldEnd));
      if (!isItem && field === ITEMS) read(fieldEnd, true);
      at = fieldEnd;
    }
  };
  read(body.length, false);
  return payloads;
}

/** Something with a payload, such as the content of an item. */
interface HasPayload {
  readonly payload: Uint8Array;
}

/**
 * Items on their way between two threads. Their payloads are in one array: an array of
 * its own for each of them would cost more than the rest of the item. An array that is part
 * of a larger one, such as a request body, would take all of that along.
 */
export interface Packed<Item> {
  readonly items: readonly Omit<Item, 'payload'>[];
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Where in `bytes` the payload of each item ends. */
  readonly ends: readonly number[];
}

/** Copies items for another thread. */
export function pack<Item extends HasPayload>(items: readonly Item[]): Packed<Item> {
  const ends: number[] = [];
  let end = 0;
  for (const { payload } of items) {
    end += payload.byteLength;
    ends.push(end);
  }
  const bytes = new Uint8Array(end);
  const rest = items.map(({ payload, ...others }, index) => {
    bytes.set(payload, (ends[index] as number) - payload.byteLength);
    return others;
  });
  return { items: rest, bytes, ends };
}

/** The items again. Their payloads are parts of the array. */
export function unpack<Item extends HasPayload>({ items, bytes, ends }: Packed<Item>): Item[] {
  return items.map((item, index) => {
    const payload = bytes.subarray(ends[index - 1] ?? 0, ends[index]);
    return { ...item, payload } as unknown as Item;
  });
}

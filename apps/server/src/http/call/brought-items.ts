import type { StockSize } from '@querator/access';

/** The items of a request that stores some. Their bytes are added up only if a limit asks. */
export class BroughtItems implements StockSize {
  readonly #items: readonly object[];
  #bytes: number | undefined;

  constructor(items: readonly object[]) {
    this.#items = items;
  }

  get items(): number {
    return this.#items.length;
  }

  get bytes(): number {
    this.#bytes ??= this.#items.reduce((sum, item) => sum + bytesOf(item), 0);
    return this.#bytes;
  }
}

/** The bytes of all texts and payloads of an item. */
function bytesOf(item: object): number {
  let bytes = 0;
  for (const value of Object.values(item)) {
    if (typeof value === 'string') bytes += Buffer.byteLength(value);
    else if (value instanceof Uint8Array) bytes += value.length;
    else if (value instanceof Map)
      for (const text of [...value].flat()) bytes += Buffer.byteLength(String(text));
  }
  return bytes;
}

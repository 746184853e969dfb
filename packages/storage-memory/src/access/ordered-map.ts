import { byteOrder } from '../byte-order.ts';

/** Values by text, in byte order of the texts. */
export interface OrderedTexts<V> {
  get(key: string): V | undefined;
  set(key: string, value: V): void;
  delete(key: string): void;
  /** The entries from `key` on, or from the next greater one. The map must not change meanwhile. */
  from(key: string): Iterable<readonly [key: string, value: V]>;
}

/** Keeps the keys sorted, so that a page of a list costs what it holds, and not what the map holds. */
export class OrderedMap<V> implements OrderedTexts<V> {
  readonly #values = new Map<string, V>();
  readonly #keys: string[] = [];

  get(key: string): V | undefined {
    return this.#values.get(key);
  }

  set(key: string, value: V): void {
    if (!this.#values.has(key)) this.#keys.splice(this.#position(key), 0, key);
    this.#values.set(key, value);
  }

  delete(key: string): void {
    if (this.#values.delete(key)) this.#keys.splice(this.#position(key), 1);
  }

  *from(key: string): Generator<readonly [string, V]> {
    for (let index = this.#position(key); index < this.#keys.length; index++) {
      const next = this.#keys[index] as string;
      yield [next, this.#values.get(next) as V];
    }
  }

  /** The index of the first key that is not less than `key`. */
  #position(key: string): number {
    let [low, high] = [0, this.#keys.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (byteOrder(this.#keys[middle] as string, key) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

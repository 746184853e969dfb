import { byteOrder } from '../byte-order.ts';
import { OrderedMap, type OrderedTexts } from './ordered-map.ts';

/** Marks a key that the draft deletes. */
const DELETED = Symbol('deleted');

/** Changes to a map, which stays as it is until {@link OrderedDraft.commit}. */
export class OrderedDraft<V> implements OrderedTexts<V> {
  readonly #base: OrderedTexts<V>;
  readonly #changes = new OrderedMap<V | typeof DELETED>();

  constructor(base: OrderedTexts<V>) {
    this.#base = base;
  }

  get(key: string): V | undefined {
    const change = this.#changes.get(key);
    if (change === DELETED) return undefined;
    return change ?? this.#base.get(key);
  }

  set(key: string, value: V): void {
    this.#changes.set(key, value);
  }

  delete(key: string): void {
    this.#changes.set(key, DELETED);
  }

  *from(key: string): Generator<readonly [string, V]> {
    const changes = this.#changes.from(key)[Symbol.iterator]();
    let change = changes.next();
    for (const entry of this.#base.from(key)) {
      while (!change.done && byteOrder(change.value[0], entry[0]) < 0) {
        if (change.value[1] !== DELETED) yield [change.value[0], change.value[1]];
        change = changes.next();
      }
      if (change.done || change.value[0] !== entry[0]) yield entry;
    }
    for (; !change.done; change = changes.next()) {
      if (change.value[1] !== DELETED) yield [change.value[0], change.value[1]];
    }
  }

  /** Applies the changes to the map. */
  commit(): void {
    for (const [key, value] of this.#changes.from('')) {
      if (value === DELETED) this.#base.delete(key);
      else this.#base.set(key, value);
    }
  }
}

/**
 * A binary heap. `push` and `pop` take O(log n). `push` takes O(1) if the new
 * value belongs at the end, as increasing deadlines do.
 */
export class Heap<T> {
  readonly #before: (a: T, b: T) => boolean;
  #nodes: T[] = [];

  constructor(before: (a: T, b: T) => boolean) {
    this.#before = before;
  }

  get size(): number {
    return this.#nodes.length;
  }

  /** The first value, without removing it. */
  peek(): T | undefined {
    return this.#nodes[0];
  }

  push(value: T): void {
    this.#nodes.push(value);
    this.#rise(this.#nodes.length - 1);
  }

  pop(): T | undefined {
    const first = this.#nodes[0];
    const last = this.#nodes.pop();
    if (last !== undefined && this.#nodes.length > 0) {
      this.#nodes[0] = last;
      this.#sink(0);
    }
    return first;
  }

  /** Removes all values that do not pass, in O(n). */
  keep(passes: (value: T) => boolean): void {
    this.#nodes = this.#nodes.filter(passes);
    for (let index = (this.#nodes.length >> 1) - 1; index >= 0; index--) this.#sink(index);
  }

  #rise(from: number): void {
    const nodes = this.#nodes;
    const value = nodes[from] as T;
    let index = from;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!this.#before(value, nodes[parent] as T)) break;
      nodes[index] = nodes[parent] as T;
      index = parent;
    }
    nodes[index] = value;
  }

  #sink(from: number): void {
    const nodes = this.#nodes;
    const value = nodes[from] as T;
    let index = from;
    for (let child = 2 * index + 1; child < nodes.length; child = 2 * index + 1) {
      if (child + 1 < nodes.length && this.#before(nodes[child + 1] as T, nodes[child] as T)) child++;
      if (!this.#before(nodes[child] as T, value)) break;
      nodes[index] = nodes[child] as T;
      index = child;
    }
    nodes[index] = value;
  }
}

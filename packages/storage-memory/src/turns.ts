/** Entries that are added or removed between two pauses: 1 to 3 ms. */
export const CHANGES_AT_ONCE = 1_000;
/** Entries that are only looked at between two pauses: 1 to 3 ms. */
export const LOOKS_AT_ONCE = 50_000;
/** Bytes of contents that are copied between two pauses: 1 to 3 ms. A single item may have more. */
export const BYTES_AT_ONCE = 4_194_304;

/** Lets other work run. */
export type Pause = () => Promise<void>;

/** Ends this turn of the event loop. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

/** Splits elements into parts that can be added to a table at once. */
export function* inParts<T>(
  elements: readonly T[],
  bytesOf: (element: T) => number,
): Generator<readonly T[]> {
  let start = 0;
  let bytes = 0;
  for (const [at, element] of elements.entries()) {
    if (at - start === CHANGES_AT_ONCE || bytes > BYTES_AT_ONCE) {
      yield elements.slice(start, at);
      start = at;
      bytes = 0;
    }
    bytes += bytesOf(element);
  }
  yield elements.slice(start);
}

/** Runs the calls of a table that take several turns, one after the other. */
export class LargeCalls {
  #last: Promise<unknown> = Promise.resolve();

  run<T>(call: () => Promise<T>): Promise<T> {
    const running = this.#last.then(call);
    this.#last = running.catch(() => {});
    return running;
  }
}

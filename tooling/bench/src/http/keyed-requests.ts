/** Stands for the dedup key in an encoded request. As long as the keys of the client's producer. */
export const KEY_PLACE = 'k'.repeat(22);

const DIGITS = 12;

/**
 * Copies of an encoded request that differ in their dedup keys. Each client has one
 * request under way, and so one buffer, in which the key changes.
 */
export class KeyedRequests {
  readonly #request: Buffer;
  readonly #at: number;
  readonly #byClient = new Map<number, Buffer>();
  #next = 0;

  /** @param request encoded, with {@link KEY_PLACE} as its key. */
  constructor(request: Buffer) {
    this.#request = request;
    this.#at = request.indexOf(KEY_PLACE);
    if (this.#at < 0) throw new Error('the request has no place for a key');
    const run = Math.random()
      .toString(36)
      .slice(2, 12)
      .padEnd(KEY_PLACE.length - DIGITS, '0');
    request.write(run, this.#at, 'latin1');
  }

  /** The client's next request. It is valid until the next call for this client. */
  next(client: number): Buffer {
    let bytes = this.#byClient.get(client);
    if (bytes === undefined) {
      bytes = Buffer.from(this.#request);
      this.#byClient.set(client, bytes);
    }
    const digits = (this.#next++).toString().padStart(DIGITS, '0');
    bytes.write(digits, this.#at + KEY_PLACE.length - DIGITS, 'latin1');
    return bytes;
  }
}

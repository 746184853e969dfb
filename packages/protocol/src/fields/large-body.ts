/** Bytes between two pauses: less than 1 ms to copy. */
const PART_BYTES = 1_048_576;

/** Collects the parts of a large body. Pauses again and again, so that other work can run. */
export class LargeBody {
  readonly #pause: () => Promise<void>;
  readonly #parts: Uint8Array[] = [];
  #length = 0;
  #sincePause = 0;

  /** @param pause lets other work run. */
  constructor(pause: () => Promise<void>) {
    this.#pause = pause;
  }

  /** Adds bytes, which must not change any more. */
  async add(part: Uint8Array): Promise<void> {
    this.#parts.push(part);
    this.#length += part.length;
    await this.#worked(part.length);
  }

  /** All parts in one. */
  async join(): Promise<Uint8Array> {
    const body = Buffer.allocUnsafe(this.#length);
    let at = 0;
    for (const part of this.#parts) {
      for (let from = 0; from < part.length; from += PART_BYTES) {
        const piece = part.subarray(from, from + PART_BYTES);
        body.set(piece, at);
        at += piece.length;
        await this.#worked(piece.length);
      }
    }
    return body;
  }

  async #worked(bytes: number): Promise<void> {
    this.#sincePause += bytes;
    if (this.#sincePause < PART_BYTES) return;
    this.#sincePause = 0;
    await this.#pause();
  }
}

/** The limits of a batch of lines. */
export interface BatchLimits {
  /** The most lines in a batch. */
  readonly lines: number;
  /** The most bytes in a batch, and so in a line. */
  readonly bytes: number;
  /** The bytes that a line needs besides its own. */
  readonly bytesPerLine: number;
}

/**
 * Splits bytes into lines, and lines into batches. A line has exactly the bytes
 * between two line feeds: it may be empty, and may end with a carriage return.
 * The bytes after the last line feed are a line unless they are empty. Holds at
 * most a batch and a chunk of input in memory.
 *
 * @throws Error if a line does not fit into a batch, after it yielded the lines
 *   before.
 */
export async function* lineBatches(
  input: AsyncIterable<Uint8Array>,
  limits: BatchLimits,
): AsyncGenerator<Uint8Array[]> {
  const batch = new Batch(limits);
  let started: Uint8Array[] = [];
  let startedBytes = 0;
  const end = (tail: Uint8Array): Uint8Array => {
    const line = started.length === 0 ? tail : Buffer.concat([...started, tail]);
    started = [];
    startedBytes = 0;
    return line;
  };
  for await (const chunk of input) {
    let start = 0;
    for (let feed = chunk.indexOf(0x0a); feed >= 0; feed = chunk.indexOf(0x0a, start)) {
      const line = end(chunk.subarray(start, feed));
      if (!batch.hasRoomFor(line.length)) yield batch.take();
      batch.add(line);
      // Yield a full batch at once: the next line of a slow input may take long.
      if (batch.isFull) yield batch.take();
      start = feed + 1;
    }
    if (start === chunk.length) continue;
    started.push(chunk.subarray(start));
    startedBytes += chunk.length - start;
    if (!batch.isLineAllowed(startedBytes)) break;
  }
  if (startedBytes > 0) {
    const line = end(new Uint8Array());
    if (!batch.hasRoomFor(line.length)) yield batch.take();
    batch.add(line);
  }
  if (batch.size > 0) yield batch.take();
}

class Batch {
  readonly #limits: BatchLimits;
  #lines: Uint8Array[] = [];
  #bytes = 0;

  constructor(limits: BatchLimits) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#lines.length;
  }

  get isFull(): boolean {
    return this.#lines.length >= this.#limits.lines;
  }

  isLineAllowed(length: number): boolean {
    return length + this.#limits.bytesPerLine <= this.#limits.bytes;
  }

  /** An empty batch has room for any line, so taking a batch always makes room. */
  hasRoomFor(length: number): boolean {
    if (this.#lines.length === 0) return true;
    return this.#bytes + length + this.#limits.bytesPerLine <= this.#limits.bytes;
  }

  add(line: Uint8Array): void {
    if (!this.isLineAllowed(line.length)) {
      const most = this.#limits.bytes - this.#limits.bytesPerLine;
      throw new Error(`the line is longer than ${most} bytes`);
    }
    this.#lines.push(line);
    this.#bytes += line.length + this.#limits.bytesPerLine;
  }

  take(): Uint8Array[] {
    const lines = this.#lines;
    this.#lines = [];
    this.#bytes = 0;
    return lines;
  }
}

import { type Clock, type Instant, millisecondsBetween, QueueError } from '@querator/core';

/** After a refusal, the queue is not asked for metadata for this long, in milliseconds. */
const PAUSE_MS = 60_000;

/** Whether a call was refused, and had no effect, because the queue keeps no metadata now. */
function lacksMetadata(error: unknown): boolean {
  return error instanceof QueueError && error.code === 'retry' && error.missing === 'metadata';
}

/**
 * Does without metadata where a queue keeps none: its driver cannot, its table has no
 * column for them, or a server of an earlier version runs. Tries again now and then,
 * because an operator may have changed that.
 */
export class MetadataFallback {
  readonly #clock: Clock;
  #refusedAt: Instant | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Makes the first call, or the second one if the queue keeps no metadata. */
  async call<T>(withMetadata: () => Promise<T>, without: () => Promise<T>): Promise<T> {
    if (this.#isRefused()) return without();
    try {
      return await withMetadata();
    } catch (error) {
      if (!lacksMetadata(error)) throw error;
      this.#refusedAt = this.#clock.now();
      return without();
    }
  }

  #isRefused(): boolean {
    return (
      this.#refusedAt !== undefined && millisecondsBetween(this.#refusedAt, this.#clock.now()) < PAUSE_MS
    );
  }
}

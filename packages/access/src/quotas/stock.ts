/** What the queues of a namespace hold. */
export interface StockSize {
  readonly items: number;
  /** Payloads and texts of the items. */
  readonly bytes: number;
}

/** A size that storage found. */
export interface StockSample extends StockSize {
  /** When the sample began, in milliseconds on the monotonic clock. */
  readonly atMs: number;
}

const NOTHING: StockSize = { items: 0, bytes: 0 };

/**
 * What the queues of one namespace hold, as far as this process knows: the last
 * sample, and what this process stored since. Items that were being stored when the
 * sample began count twice until the next one, rather than not at all.
 */
export class Stock {
  #sample: StockSample | undefined;
  /** Items of this process that the sample does not contain, those in flight included. */
  #since: StockSize = NOTHING;
  #inFlight: StockSize = NOTHING;

  /** Undefined: there was no sample yet. */
  get sample(): StockSample | undefined {
    return this.#sample;
  }

  get items(): number {
    return (this.#sample?.items ?? 0) + this.#since.items;
  }

  get bytes(): number {
    return (this.#sample?.bytes ?? 0) + this.#since.bytes;
  }

  /** Whether this process stored anything since the last sample. */
  get hasGrown(): boolean {
    return this.#since.items > 0;
  }

  /** Items are about to be stored. @returns ends that; to be called once, with whether they may have been stored. */
  begin(size: StockSize): (mayBeStored: boolean) => void {
    this.#since = sum(this.#since, size);
    this.#inFlight = sum(this.#inFlight, size);
    return (mayBeStored) => {
      this.#inFlight = difference(this.#inFlight, size);
      if (!mayBeStored) this.#since = difference(this.#since, size);
    };
  }

  /** A sample begins. @returns takes it. */
  sampleBegins(): (sample: StockSample) => void {
    const before = this.#since;
    const inFlight = this.#inFlight;
    return (sample) => {
      this.#sample = sample;
      this.#since = sum(difference(this.#since, before), inFlight);
    };
  }
}

function sum(a: StockSize, b: StockSize): StockSize {
  return { items: a.items + b.items, bytes: a.bytes + b.bytes };
}

/** Never below nothing: items whose storage failed may be in a sample that is over. */
function difference(a: StockSize, b: StockSize): StockSize {
  return { items: Math.max(a.items - b.items, 0), bytes: Math.max(a.bytes - b.bytes, 0) };
}

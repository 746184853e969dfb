import {
  backgroundPauseMs,
  type CancelTimer,
  type Clock,
  type Instant,
  millisecondsBetween,
} from '@querator/core';

/** The shortest pause between samples. */
const INTERVAL_MS = 15_000;
/** Sampling ends when there was no scrape for this long. */
const INTEREST_MS = 300_000;

/** The dependencies of a sampler. */
export interface BackgroundSamplerDeps {
  readonly clock: Clock;
  /** Takes a sample. Never rejects. May return early once `stopped` returns true. */
  readonly sample: (stopped: () => boolean) => Promise<void>;
}

/** Samples in the background what a scrape cannot wait for. Stops sampling when scrapes stop. */
export class BackgroundSampler {
  readonly #deps: BackgroundSamplerDeps;
  #sampledAt: Instant | undefined;
  #scrapedAt: Instant | undefined;
  #pauseMs = 0;
  #cancel: CancelTimer | undefined;
  #sampling = false;
  #stopped = false;

  constructor(deps: BackgroundSamplerDeps) {
    this.#deps = deps;
  }

  /** The age of the last complete sample in seconds. Undefined: there was none. */
  get ageSeconds(): number | undefined {
    if (this.#sampledAt === undefined) return undefined;
    return millisecondsBetween(this.#sampledAt, this.#deps.clock.now()) / 1_000;
  }

  /** Records a scrape, and starts the next sample once its pause is over. */
  scraped(): void {
    this.#scrapedAt = this.#deps.clock.now();
    if (this.#cancel === undefined && !this.#sampling && !this.#stopped) this.#arm(this.#pauseMs);
  }

  /** Stops sampling. */
  stop(): void {
    this.#stopped = true;
    this.#cancel?.();
  }

  #arm(delayMs: number): void {
    this.#cancel = this.#deps.clock.startTimer(delayMs, () => {
      this.#cancel = undefined;
      void this.#take();
    });
  }

  async #take(): Promise<void> {
    const { clock, sample } = this.#deps;
    this.#sampling = true;
    const start = clock.now();
    await sample(() => this.#stopped);
    this.#sampling = false;
    if (this.#stopped) return;
    const now = clock.now();
    this.#sampledAt = now;
    this.#pauseMs = Math.max(INTERVAL_MS, backgroundPauseMs(millisecondsBetween(start, now)));
    const wanted = this.#scrapedAt !== undefined && millisecondsBetween(this.#scrapedAt, now) < INTEREST_MS;
    if (wanted) this.#arm(this.#pauseMs);
  }
}

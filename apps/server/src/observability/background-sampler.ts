import { type CancelTimer, type Clock, type Instant, millisecondsBetween } from '@querator/core';

/** No more often than this is a sample taken. */
const INTERVAL_MS = 15_000;
/** Sampling takes at most one part in so many of the time. */
const SHARE = 20;
/** Without a scrape for so long nobody wants to know. */
const INTEREST_MS = 300_000;

/** What a sampler works with. */
export interface BackgroundSamplerDeps {
  readonly clock: Clock;
  /** Takes a sample. Never rejects; may stop in the middle when told that nobody waits any more. */
  readonly sample: (stopped: () => boolean) => Promise<void>;
}

/** Looks at what is too slow for a scrape: in the background, now and then, while somebody scrapes. */
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

  /** How long ago the last sample was complete, in seconds; undefined: there was none. */
  get ageSeconds(): number | undefined {
    if (this.#sampledAt === undefined) return undefined;
    return millisecondsBetween(this.#sampledAt, this.#deps.clock.now()) / 1_000;
  }

  /** Somebody scrapes: samples again, when it is time. */
  scraped(): void {
    this.#scrapedAt = this.#deps.clock.now();
    if (this.#cancel === undefined && !this.#sampling && !this.#stopped) this.#arm(this.#pauseMs);
  }

  /** Samples no more. */
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
    this.#pauseMs = Math.max(INTERVAL_MS, SHARE * millisecondsBetween(start, now));
    const wanted = this.#scrapedAt !== undefined && millisecondsBetween(this.#scrapedAt, now) < INTEREST_MS;
    if (wanted) this.#arm(this.#pauseMs);
  }
}

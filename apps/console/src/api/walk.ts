import { type Signal, signal } from '@preact/signals';
import { CallError } from './call-error.ts';

/** What one call of a walk has brought. */
export interface Step<Found> {
  /** All that the walk has found, with what this call has added. */
  readonly found: Found;
  /** How many rows this call has read. */
  readonly read: number;
  /** Where the next call goes on. Empty: there is nothing more. */
  readonly cursor: string;
}

/** How far a walk has come. */
export interface Progress<Found> extends Step<Found> {
  /** `stopped`: by its person, by an error, or by its limit of calls. `enough`: it found what was wanted. */
  readonly state: 'walking' | 'stopped' | 'enough' | 'end';
  readonly error: CallError | undefined;
}

/** What a walk reads. */
export interface WalkOptions<Found> {
  /** Where it begins. Empty: with the first row. */
  readonly start: string;
  readonly empty: Found;
  readonly step: (cursor: string, found: Found, signal: AbortSignal) => Promise<Step<Found>>;
  /** Whether nothing more is wanted for now. */
  readonly isEnough?: (found: Found) => boolean;
}

/** A walk stops by itself after that many calls, so that a forgotten page costs the server nothing more. */
const MOST_CALLS = 50;

/** How soon a call that failed for a passing reason is repeated, in milliseconds. */
const RETRY_MS = 3_000;

/** Reads a long list by one bounded call after the other. */
export class Walk<Found> {
  readonly progress: Signal<Progress<Found>>;
  readonly #options: WalkOptions<Found>;
  #abort = new AbortController();

  constructor(options: WalkOptions<Found>) {
    this.#options = options;
    const { empty, start } = options;
    this.progress = signal({ found: empty, read: 0, cursor: start, state: 'walking', error: undefined });
  }

  /** Begins, or goes on where it was stopped. */
  readonly goOn = (): void => {
    if (this.progress.peek().state === 'end') return;
    this.#abort.abort();
    this.#abort = new AbortController();
    this.#set({ state: 'walking', error: undefined });
    void this.#walk(this.#abort.signal);
  };

  /** Stops at once. The call that is under way is repeated by `goOn`. */
  readonly stop = (): void => {
    this.#abort.abort();
    if (this.progress.value.state === 'walking') this.#set({ state: 'stopped' });
  };

  #set(changes: Partial<Progress<Found>>): void {
    this.progress.value = { ...this.progress.peek(), ...changes };
  }

  async #walk(signal: AbortSignal): Promise<void> {
    for (let calls = 0; calls < MOST_CALLS; calls++) {
      try {
        if (await this.#step(signal)) return;
      } catch (thrown) {
        if (signal.aborted) return;
        const error = thrown instanceof CallError ? thrown : new CallError('refused', String(thrown));
        if (!error.passes) return this.#set({ state: 'stopped', error });
        this.#set({ error });
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
      if (signal.aborted) return;
    }
    this.#set({ state: 'stopped' });
  }

  /** Makes one call. @returns whether the walk is over. */
  async #step(signal: AbortSignal): Promise<boolean> {
    const { found, read, cursor } = this.progress.peek();
    const next = await this.#options.step(cursor, found, signal);
    if (signal.aborted) return true;
    const isEnough = this.#options.isEnough?.(next.found) ?? false;
    const state = next.cursor === '' ? 'end' : isEnough ? 'enough' : 'walking';
    this.#set({ found: next.found, cursor: next.cursor, read: read + next.read, state, error: undefined });
    return state !== 'walking';
  }
}

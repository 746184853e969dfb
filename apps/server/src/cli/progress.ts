import type { Cli } from './cli.ts';

/** Often enough to look alive. */
const INTERVAL_MS = 100;

/** A count that grows on the user's terminal; where there is none nothing is shown. */
export class Progress {
  readonly #cli: Cli;
  readonly #words: string;
  #shownAtMs: number | undefined;

  /** @param words what is counted, to stand after the number. */
  constructor(cli: Cli, words: string) {
    this.#cli = cli;
    this.#words = words;
  }

  show(count: number): void {
    if (!this.#cli.io.isTerminal) return;
    const nowMs = this.#cli.io.monotonicClock();
    if (this.#shownAtMs !== undefined && nowMs - this.#shownAtMs < INTERVAL_MS) return;
    this.#shownAtMs = nowMs;
    this.#cli.output.sayForNow(`${count} ${this.#words}`);
  }

  /** Wipes the count out, to make room for what comes next. */
  clear(): void {
    if (this.#shownAtMs !== undefined) this.#cli.output.sayForNow('');
  }
}

import type { Cli } from './cli.ts';

/** The shortest time between two updates. */
const INTERVAL_MS = 100;

/** Shows a growing count on the terminal. Without a terminal it shows nothing. */
export class Progress {
  readonly #cli: Cli;
  readonly #words: string;
  #shownAtMs: number | undefined;

  /** @param words follow the number, and name what is counted. */
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

  /** Clears the count before other output. */
  clear(): void {
    if (this.#shownAtMs !== undefined) this.#cli.output.sayForNow('');
  }
}

import { setTimeout as delay } from 'node:timers/promises';
import type { SeededRandom } from '@querator/core/testing';
import type { ServerProcess } from '@querator/tooling-processes';

/** How often it looks whether the source is closed. A source is closed for some tens of milliseconds. */
const LOOK_MS = 10;
/** A kill that waits for the closed source comes at most this much later. */
const CLOSED_MS = 60;
/** The longest time that a killed server stays away. */
const AWAY_MS = 3_000;
/** The most kills at random moments in one run: after each, another server waits until it takes the move over. */
const MOST = 3;
/** The probability that all servers are killed, and not one of them. */
const ALL = 0.25;

/** A SIGKILL, on the monotonic clock. */
export interface Kill {
  readonly at: number;
  /** When the killed servers answered again. */
  readonly backAt: number;
  /** Whether it was aimed at the moment when the source is closed. */
  readonly whileClosed: boolean;
}

export interface RandomKillsOptions {
  readonly servers: readonly ServerProcess[];
  readonly random: SeededRandom;
  /** The average time between two kills, in milliseconds. */
  readonly averageMs: number;
  /** Whether the source of the move is closed. Undefined: no kill is aimed at that moment. */
  readonly isClosed: (() => Promise<boolean>) | undefined;
}

/** Kills servers with SIGKILL at random moments, and starts them again, a few times or until it is stopped. */
export class RandomKills {
  readonly #options: RandomKillsOptions;
  readonly #kills: Kill[] = [];
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;
  /** Kills take turns: no server is killed while another one starts. */
  #turn: Promise<void> = Promise.resolve();

  constructor(options: RandomKillsOptions) {
    this.#options = options;
    this.#running = Promise.all([this.#atRandom(), this.#whileClosed()]).then(() => {});
    this.#running.catch(() => {});
  }

  /** Ends, when all servers run. @returns all kills. */
  async stop(): Promise<readonly Kill[]> {
    this.#stop.abort();
    await this.#running;
    await this.#turn;
    return this.#kills;
  }

  async #atRandom(): Promise<void> {
    const { random, averageMs } = this.#options;
    // The first one comes early, so that there is one in each move.
    let waitMs = averageMs * random.fraction();
    for (let n = 0; n < MOST && (await this.#wait(waitMs)); n++) {
      await this.#kill(false);
      waitMs = averageMs * 2 * random.fraction();
    }
  }

  async #whileClosed(): Promise<void> {
    const { random, isClosed } = this.#options;
    if (isClosed === undefined) return;
    while (await this.#wait(LOOK_MS)) {
      if (!(await isClosed())) continue;
      await delay(random.fraction() * CLOSED_MS);
      await this.#kill(true);
      return;
    }
  }

  #kill(whileClosed: boolean): Promise<void> {
    const { servers, random } = this.#options;
    const victims =
      random.fraction() < ALL
        ? servers
        : servers.slice(Math.floor(random.fraction() * servers.length)).slice(0, 1);
    this.#turn = this.#turn.then(async () => {
      const at = performance.now();
      await Promise.all(victims.map((server) => server.kill()));
      await delay(random.fraction() * AWAY_MS);
      await Promise.all(victims.map((server) => server.start()));
      this.#kills.push({ at, backAt: performance.now(), whileClosed });
    });
    return this.#turn;
  }

  /** @returns false if it is to end. */
  async #wait(milliseconds: number): Promise<boolean> {
    const { signal } = this.#stop;
    await delay(milliseconds, undefined, { signal }).catch(() => {});
    return !signal.aborted;
  }
}

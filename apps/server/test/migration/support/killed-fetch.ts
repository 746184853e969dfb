import type { Fetch } from '@querator/client';

/** Whether the process dies before the server gets the call, or when it has answered. */
export type Moment = 'before' | 'after';

/**
 * Calls a server until the process of the caller is killed: from then on, no call of
 * the caller ever ends, and none reaches the server. So nothing that the caller would
 * do after the kill happens, as with SIGKILL.
 */
export class KilledFetch {
  readonly #fetch: Fetch;
  readonly #at: { readonly call: number; readonly moment: Moment } | undefined;
  #calls = 0;
  #die: () => void = () => {};
  /** Resolves when the process is killed. */
  readonly killed: Promise<'killed'>;

  /** @param at the call, from 1, at which the process is killed. Undefined: never. */
  constructor(fetch: Fetch, at?: { readonly call: number; readonly moment: Moment }) {
    this.#fetch = fetch;
    this.#at = at;
    this.killed = new Promise((resolve) => {
      this.#die = () => resolve('killed');
    });
  }

  /** The number of calls so far. */
  get calls(): number {
    return this.#calls;
  }

  readonly fetch: Fetch = async (url, init) => {
    this.#calls++;
    const { call = Number.POSITIVE_INFINITY, moment } = this.#at ?? {};
    if (this.#calls > call) return dead();
    if (this.#calls === call && moment === 'before') {
      this.#die();
      return dead();
    }
    const reply = await this.#fetch(url, init);
    if (this.#calls < call) return reply;
    this.#die();
    return dead();
  };
}

function dead(): Promise<never> {
  return new Promise(() => {});
}

/**
 * Runs a command to its end again and again: killed before the first call, after it,
 * before the second one, and so on, until a run is not killed.
 *
 * @param round prepares a round with a fresh state, runs the command with the given
 *   `fetch` and `killed`, and afterwards runs it once more without a kill and checks the
 *   outcome.
 * @returns the number of rounds in which the command was killed.
 */
export async function killAtEveryCall(
  fetch: Fetch,
  round: (kill: KilledFetch, at: string) => Promise<'killed' | 'ended'>,
): Promise<number> {
  let kills = 0;
  for (let call = 1; ; call++) {
    for (const moment of ['before', 'after'] as const) {
      const outcome = await round(new KilledFetch(fetch, { call, moment }), `${moment} call ${call}`);
      if (outcome === 'ended') return kills;
      kills++;
    }
  }
}

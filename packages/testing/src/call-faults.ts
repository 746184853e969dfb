import type { Fetch } from '@querator/client';

/**
 * A call of the API by its name, such as `queue.complete` or `queues.create`; with
 * `/v1/` and `/v2/` alike.
 */
export type CallName = `${string}.${string}`;

/** How a call goes wrong. */
type Fault = 'lost-request' | 'lost-answer';

/** Loses or delays calls between the clients of a test and its server. */
export class CallFaults {
  readonly #faults = new Map<string, Fault[]>();
  readonly #gates = new Map<string, Promise<void>>();
  readonly #fetch: Fetch;

  /** @param fetch reaches the server. */
  constructor(fetch: Fetch) {
    this.#fetch = fetch;
  }

  /** The next calls of this name go wrong in this way, each once. */
  add(call: CallName, fault: Fault, times: number): void {
    const planned = this.#faults.get(call) ?? [];
    this.#faults.set(call, planned);
    for (let n = 0; n < times; n++) planned.push(fault);
  }

  /** Holds calls of this name back until the returned function is called. */
  hold(call: CallName): () => void {
    const { promise: opened, resolve } = Promise.withResolvers<void>();
    this.#gates.set(call, opened);
    return () => {
      if (this.#gates.get(call) === opened) this.#gates.delete(call);
      resolve();
    };
  }

  /** Sends a call, as `fetch` does. */
  async fetch(url: string, init: RequestInit): Promise<Response> {
    const name = nameOf(url);
    await this.#gates.get(name);
    init.signal?.throwIfAborted();
    const fault = this.#faults.get(name)?.shift();
    if (fault === 'lost-request') throw refused();
    const answer = await this.#fetch(url, init);
    if (fault === 'lost-answer') throw new Error('the test lost the answer');
    return answer;
  }
}

/** The error of a connection that cannot be made: clients conclude that the request was not sent. */
function refused(): Error {
  return Object.assign(new Error('the test lost the request'), { code: 'ECONNREFUSED', syscall: 'connect' });
}

/** The name of a call: its path without the version. */
function nameOf(url: string): string {
  return new URL(url).pathname.replace(/^\/v\d+\//, '');
}

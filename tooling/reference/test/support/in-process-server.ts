import { SystemClock, SystemRandom, silentLogger } from '@querator/core';
import { type Composition, compose, parseConfig } from '@querator/server';
import type { HttpRequest } from '../../src/examples/curl.ts';

const CONFIG = JSON.stringify({
  'allowed-hosts': ['queue.example'],
  'queue-storage': { driver: 'memory' },
  'partition-storage': [{ name: 'mem-0', driver: 'memory' }],
  audit: { table: true },
  quotas: {},
});

/** A reply with its body as text. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

/** A server on memory storage that takes requests without a connection. */
export class InProcessServer {
  readonly #composition: Composition = compose(parseConfig(CONFIG), {
    clock: new SystemClock(),
    random: new SystemRandom(),
    logger: silentLogger,
  });
  readonly #started = this.#composition.start();

  /** @param onLoopback whether the request came to a loopback address. */
  async send(
    { method, path, headers, body }: HttpRequest,
    { onLoopback = false }: { readonly onLoopback?: boolean } = {},
  ): Promise<Answer> {
    await this.#started;
    const init = { method, headers, ...(body === undefined ? {} : { body }) };
    const request = new Request(`http://in.process${path}`, init);
    const reply = await this.#composition.app.fetch(request, { onLoopback });
    return { status: reply.status, headers: reply.headers, text: await reply.text() };
  }

  /** Sends a JSON body to a call. */
  post(path: string, body: unknown): Promise<Answer> {
    const headers = { 'Content-Type': 'application/json' };
    return this.send({ method: 'POST', path, headers, body: JSON.stringify(body) });
  }

  stop(): Promise<void> {
    return this.#composition.stop();
  }
}

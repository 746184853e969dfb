import { SystemClock, SystemRandom, silentLogger } from '@querator/core';
import { type Composition, compose, parseConfig } from '@querator/server';
import type { HttpRequest } from './curl.ts';

const CONFIG = JSON.stringify({
  'queue-storage': { driver: 'memory' },
  'partition-storage': [{ name: 'mem-0', driver: 'memory' }],
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

  async send({ method, path, headers, body }: HttpRequest): Promise<Answer> {
    const init = { method, headers, ...(body === undefined ? {} : { body }) };
    const reply = await this.#composition.app.fetch(new Request(`http://in.process${path}`, init), {});
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

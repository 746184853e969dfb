import { SystemClock, SystemRandom, silentLogger } from '@querator/core';
import { parseConfig, type ServerDeps, startServer } from '@querator/server';

/** A reply with its body as bytes. */
export interface ReceivedReply {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Uint8Array<ArrayBuffer>;
}

/** A server on memory storage that listens on a free port. */
export class ListeningServer {
  readonly #started: ReturnType<typeof startServer>;

  /**
   * @param more settings besides those of the storages.
   * @param deps what the server needs besides clock, randomness and log.
   */
  constructor(more: object = {}, deps: Pick<ServerDeps, 'consoleFolder'> = {}) {
    const config = {
      address: 'localhost:0',
      'queue-storage': { driver: 'memory' },
      'partition-storage': [{ name: 'mem-0', driver: 'memory' }],
      audit: { table: true },
      quotas: {},
      ...more,
    };
    this.#started = startServer(parseConfig(JSON.stringify(config)), {
      clock: new SystemClock(),
      random: new SystemRandom(),
      logger: silentLogger,
      ...deps,
    });
  }

  /** `http://host:port`. */
  async url(): Promise<string> {
    return (await this.#started).url;
  }

  /** Sends a body to a call. The media type is that of the body and of the reply. */
  async post(
    path: string,
    body: string | Uint8Array<ArrayBuffer>,
    mediaType = 'application/json',
    headers: Readonly<Record<string, string>> = {},
  ): Promise<ReceivedReply> {
    const reply = await fetch(`${await this.url()}${path}`, {
      method: 'POST',
      headers: { 'Content-Type': mediaType, Accept: mediaType, ...headers },
      body,
    });
    return { status: reply.status, headers: reply.headers, body: new Uint8Array(await reply.arrayBuffer()) };
  }

  async stop(): Promise<void> {
    await (await this.#started).stop();
  }
}

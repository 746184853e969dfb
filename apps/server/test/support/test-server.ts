import { type Logger, SystemClock, SystemRandom, silentLogger } from '@querator/core';
import { createTestDatabase, type TestDatabase } from '@querator/tooling-postgres';
import { afterAll, beforeAll } from 'vitest';
import { type Config, parseConfig, type RunningServer, startServer } from '../../src/index.ts';
import type { ServerDeps } from '../../src/server-deps.ts';

/** Every functional test runs on each of these storages. */
export const STORAGES = ['memory', 'postgres'] as const;
export type StorageName = (typeof STORAGES)[number];

/** A configuration that uses one storage for everything and a free port. */
export function configFor(connectionString: string | undefined, settings: object = {}): Config {
  const driver =
    connectionString === undefined
      ? { driver: 'memory' }
      : { driver: 'postgres', config: { 'connection-string': connectionString, 'max-conns': 5 } };
  return parseConfig(
    JSON.stringify({
      address: '127.0.0.1:0',
      'queue-storage': driver,
      'partition-storage': [{ name: 'store-0', ...driver }],
      ...settings,
    }),
  );
}

/** A reply as received. */
export interface RawReply {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The error's text. Empty: there is none. */
  readonly message: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests read replies of every shape.
  readonly json: any;
}

/** A real server on a free port for one test file, called with plain requests. */
export class TestServer {
  #database: TestDatabase | undefined;
  #server: RunningServer | undefined;
  readonly #settings: object;
  readonly #logger: Logger;
  readonly #deps: Partial<ServerDeps>;

  /**
   * @param settings of the configuration file, besides the storages.
   * @param deps what differs from a server of a process.
   */
  constructor(settings: object = {}, logger: Logger = silentLogger, deps: Partial<ServerDeps> = {}) {
    this.#settings = settings;
    this.#logger = logger;
    this.#deps = deps;
  }

  get url(): string {
    if (this.#server === undefined) throw new Error('the server is not running');
    return this.#server.url;
  }

  /** Of its database. Undefined: it has none. */
  get connectionString(): string | undefined {
    return this.#database?.connectionString;
  }

  async start(storage: StorageName): Promise<void> {
    if (storage === 'postgres') this.#database ??= await createTestDatabase();
    this.#server = await startServer(configFor(this.#database?.connectionString, this.#settings), {
      clock: new SystemClock(),
      random: new SystemRandom(),
      logger: this.#logger,
      ...this.#deps,
    });
  }

  async stop(): Promise<void> {
    await this.#server?.stop();
    this.#server = undefined;
  }

  /** Stops the server and starts another one on the same storage. */
  async restart(storage: StorageName): Promise<void> {
    await this.stop();
    await this.start(storage);
  }

  async dispose(): Promise<void> {
    await this.stop();
    await this.#database?.drop();
  }

  /** Posts a JSON body, and parses the reply if it is JSON. */
  async post(path: string, body: unknown, headers: Record<string, string> = {}): Promise<RawReply> {
    const reply = await fetch(this.url + path, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', ...headers },
      body:
        typeof body === 'string' || body instanceof Uint8Array
          ? (body as Uint8Array<ArrayBuffer>)
          : JSON.stringify(body),
    });
    return readReply(reply);
  }

  /** Creates a queue with the given settings and defaults. */
  async createQueue(queue_name: string, settings: object = {}): Promise<void> {
    const body = {
      queue_name,
      lease_timeout: '1m',
      expire_timeout: '24h',
      requested_partitions: 1,
      ...settings,
    };
    const { status, text } = await this.post('/v1/queues.create', body);
    if (status !== 200) throw new Error(text);
  }
}

export async function readReply(reply: Response): Promise<RawReply> {
  const text = await reply.text();
  const isJson = reply.headers.get('content-type')?.includes('json') ?? false;
  const json = isJson ? JSON.parse(text) : undefined;
  return { status: reply.status, headers: reply.headers, text, message: json?.message ?? '', json };
}

/** Starts a server before the tests of a block and stops it after them. */
export function useServer(storage: StorageName, settings: object = {}): TestServer {
  const server = new TestServer(settings);
  beforeAll(() => server.start(storage));
  afterAll(() => server.dispose());
  return server;
}

import { randomBytes } from 'node:crypto';
import { SystemClock, SystemRandom, silentLogger } from '@querator/core';
import { parseConfig, type RunningServer, startServer } from '@querator/server';

/** Large enough to fill a small disk soon, and nothing that compresses. */
const PAYLOAD_BYTES = 30_000;
const QUEUE = 'orders';

/** A reply of the server. */
export interface Reply {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into replies of every shape.
  readonly json: any;
}

/** A server with one queue on one storage, and a count of what it has acknowledged. */
export class LiveServer {
  readonly #server: RunningServer;
  readonly #acknowledged = new Set<string>();
  readonly #unknown = new Set<string>();
  #next = 0;

  private constructor(server: RunningServer) {
    this.#server = server;
  }

  static async start(queues: string, items: string): Promise<LiveServer> {
    const storage = (connectionString: string) => ({
      driver: 'postgres',
      config: { 'connection-string': connectionString, 'max-conns': 5 },
    });
    const config = parseConfig(
      JSON.stringify({
        address: '127.0.0.1:0',
        'queue-storage': storage(queues),
        'partition-storage': [{ name: 'postgres-01', ...storage(items) }],
      }),
    );
    const world = { clock: new SystemClock(), random: new SystemRandom(), logger: silentLogger };
    const server = new LiveServer(await startServer(config, world));
    const settings = { lease_timeout: '10m', expire_timeout: '24h', requested_partitions: 1 };
    await server.post('queues.create', { queue_name: QUEUE, ...settings });
    return server;
  }

  stop(): Promise<void> {
    return this.#server.stop();
  }

  async post(path: string, body: object): Promise<Reply> {
    const response = await fetch(`${this.#server.url}/v1/${path}`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
    });
    return { status: response.status, json: await response.json() };
  }

  async health(): Promise<number> {
    return (await fetch(`${this.#server.url}/health?requireStorage=all`)).status;
  }

  /** Produces a large item, and writes down what the server said. */
  async produce(request_timeout = '3s'): Promise<Reply> {
    const name = `n${this.#next++}`;
    const bytes = randomBytes(PAYLOAD_BYTES).toString('base64');
    const items = [{ reference: name, bytes }];
    const reply = await this.post('queue.produce', { queue_name: QUEUE, request_timeout, items });
    if (reply.status === 200) this.#acknowledged.add(name);
    else if (String(reply.json.message).includes('outcome unknown')) this.#unknown.add(name);
    return reply;
  }

  lease(batch_size: number, request_timeout = '2s'): Promise<Reply> {
    return this.post('queue.lease', { queue_name: QUEUE, client_id: 'c', batch_size, request_timeout });
  }

  /** Leases and completes all there is. @returns what was lost, and what came twice or from nowhere. */
  async settle(): Promise<{ readonly lost: readonly string[]; readonly strange: readonly string[] }> {
    const found: string[] = [];
    for (;;) {
      const { status, json } = await this.lease(200);
      if (status !== 200) break;
      const leased = json.items as { id: string; reference: string }[];
      found.push(...leased.map(({ reference }) => reference));
      const ids = leased.map(({ id }) => id);
      const done = await this.post('queue.complete', { queue_name: QUEUE, request_timeout: '10s', ids });
      if (done.status !== 200) throw new Error(done.json.message);
    }
    const seen = new Set<string>();
    const strange = found.filter((name) => {
      const isStrange = seen.has(name) || !(this.#acknowledged.has(name) || this.#unknown.has(name));
      seen.add(name);
      return isStrange;
    });
    return { lost: [...this.#acknowledged].filter((name) => !seen.has(name)), strange };
  }

  get acknowledged(): number {
    return this.#acknowledged.size;
  }

  get unknown(): number {
    return this.#unknown.size;
  }
}

import process from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';
import {
  type Cluster,
  createTestDatabase,
  startTemporaryCluster,
  type TestDatabase,
} from '@querator/tooling-postgres';
import { ServerProcess, SOURCE_FLAGS } from '@querator/tooling-processes';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { measured } from './measured.ts';
import { ATTACKED, ATTACKS } from './one-client/attacks.ts';
import { type Items, idsOf, textsOf } from './queue-calls.ts';

const isShort = process.env['QUERATOR_CLUSTER_SHORT'] === '1';
const HEAP_MEGABYTES = 512;
/** How long all attacks run at once. */
const ATTACK_MS = isShort ? 20_000 : 120_000;
/** Multiplies the connections of each attack. */
const SCALE = isShort ? 1 : 4;
const QUEUE = 'jobs';
const WITHIN = { timeout: 120_000, interval: 200 };

let server: ServerProcess;
let cluster: Cluster | undefined;
let database: TestDatabase | undefined;

afterEach(async () => {
  await server?.stop();
  await database?.drop();
  await cluster?.stop();
  database = undefined;
  cluster = undefined;
});

/** A producer and a consumer that behave well: what was acknowledged, and what was completed. */
class GoodClients {
  readonly acknowledged = new Set<string>();
  readonly completed = new Set<string>();
  refusals = 0;
  readonly #end = new AbortController();
  readonly #running: Promise<unknown>[] = [];
  #isProducing = true;

  start(): void {
    this.#running.push(this.#produce(), this.#consume());
  }

  /** Produces no more, and consumes until all that was acknowledged is completed. */
  async finish(): Promise<void> {
    this.#end.abort();
    await this.#running[0];
    // The last item may be acknowledged only now.
    this.#isProducing = false;
    await vi.waitFor(() => expect(this.missing).toEqual([]), WITHIN);
  }

  get missing(): string[] {
    return [...this.acknowledged].filter((text) => !this.completed.has(text)).slice(0, 10);
  }

  async #produce(): Promise<void> {
    for (let n = 0; !this.#end.signal.aborted; n++) {
      const items = [{ utf8: `${n}` }];
      const { status } = await this.#ask('queue.produce', { request_timeout: '10s', items });
      if (status === 200) this.acknowledged.add(`${n}`);
      else {
        this.refusals++;
        await delay(100);
      }
    }
  }

  async #consume(): Promise<void> {
    while (this.#isProducing || this.missing.length > 0) {
      const request = { client_id: 'good', batch_size: 100, request_timeout: '1s' };
      const { status, json } = await this.#ask('queue.lease', request);
      if (status !== 200) continue;
      const items = json.items as Items;
      const complete = { partition: json.partition, request_timeout: '10s', ids: idsOf(items) };
      while ((await this.#ask('queue.complete', complete)).status === 454) await delay(100);
      for (const text of textsOf(items)) this.completed.add(text);
    }
  }

  /** A connection may wait for a place, and then break: that is no answer. */
  async #ask(call: string, body: object) {
    return server
      .post(call, { queue_name: QUEUE, ...body })
      .catch(() => ({ status: 0, message: '', json: undefined }));
  }
}

async function metric(name: string): Promise<number> {
  const text = await (await fetch(`${server.url}/metrics`)).text();
  const line = text.split('\n').find((each) => each.startsWith(`${name} `));
  return Number(line?.slice(name.length));
}

async function fill(): Promise<void> {
  for (let n = 0; n < 20; n++) {
    const items = [{ utf8: 'x'.repeat(100_000) }];
    await server.ask('queue.produce', { queue_name: ATTACKED, request_timeout: '10s', items });
  }
}

describe.each(['memory', 'postgres'])(
  'a server on %s with a heap of 512 MB',
  { timeout: 600_000 },
  (storage) => {
    test('under all attacks at once serves a producer and a consumer, and loses nothing', async () => {
      if (storage === 'postgres') {
        cluster = await startTemporaryCluster();
        database = await createTestDatabase(cluster.connectionString());
      }
      server = await ServerProcess.start({
        ...(database === undefined ? {} : { storage: database.connectionString, maxConns: 8 }),
        flags: [...SOURCE_FLAGS, `--max-old-space-size=${HEAP_MEGABYTES}`],
      });
      const { pid } = server;
      await server.createQueue(QUEUE);
      await server.createQueue('empty');
      // Items of the attackers do not fill the storage.
      await server.createQueue(ATTACKED, { expire_timeout: '30s', lease_timeout: '10s' });
      await fill();
      const good = new GoodClients();
      good.start();
      const end = new AbortController();
      const target = { port: server.port, signal: end.signal };
      const attacks = Object.values(ATTACKS).map((attack) => attack(target, SCALE));
      let most = 0;
      const until = performance.now() + ATTACK_MS;
      while (performance.now() < until) {
        await delay(1_000);
        const used = await metric('process_resident_memory_bytes').catch(() => 0);
        most = Math.max(most, used);
      }
      const during = { acknowledged: good.acknowledged.size, completed: good.completed.size };
      end.abort();
      await Promise.all(attacks);
      await good.finish();
      measured(
        `one client, ${storage}: ${during.acknowledged} items acknowledged and ${during.completed} completed ` +
          `during the attacks, ${good.refusals} refusals, at most ${Math.round(most / 1e6)} MB resident`,
      );
      expect([server.pid, server.ended], server.log.slice(-5_000)).toEqual([pid, false]);
      expect(during.acknowledged).toBeGreaterThan(0);
      expect(during.completed).toBeGreaterThan(0);
      // Nothing of the attacks stays behind.
      for (const share of ['producers', 'calls', 'pipelined', 'answers']) {
        const name = `querator_memory_budget_bytes{share="${share}",state="used"}`;
        await vi.waitFor(async () => expect(await metric(name)).toBeLessThan(1_000_000), WITHIN);
      }
    });
  },
);

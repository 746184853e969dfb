import { SystemClock, SystemRandom, silentLogger } from '@querator/core';
import { createTestDatabase, type TestDatabase } from '@querator/tooling-postgres';
import { expect, vi } from 'vitest';
import { type RunningServer, startServer } from '../../../src/index.ts';
import { configFor, type RawReply, readReply } from '../../support/test-server.ts';

/** More than an idle machine needs. No proof of a change notification: a server that listens also polls. */
export const PATIENCE = { timeout: 6_000, interval: 20 };

/** An item as a consumer gets it. */
export interface Taken {
  readonly id: string;
  readonly text: string;
  readonly partition: number;
}

/** Several servers on one database, in one process. */
export class Instances {
  readonly #database: TestDatabase;
  readonly #servers: RunningServer[];
  #clients = 0;

  private constructor(database: TestDatabase, servers: RunningServer[]) {
    this.#database = database;
    this.#servers = servers;
  }

  static async start(count: number): Promise<Instances> {
    const database = await createTestDatabase();
    const deps = { clock: new SystemClock(), random: new SystemRandom(), logger: silentLogger };
    const config = configFor(database.connectionString);
    const servers = await Promise.all(Array.from({ length: count }, () => startServer(config, deps)));
    return new Instances(database, servers);
  }

  get connectionString(): string {
    return this.#database.connectionString;
  }

  async stop(): Promise<void> {
    await Promise.all(this.#servers.map((server) => server.stop()));
    await this.#database.drop();
  }

  /** Posts to one instance. @param version of the API. */
  async post(instance: number, call: string, body: object, version: 'v1' | 'v2' = 'v1'): Promise<RawReply> {
    const url = `${this.#servers[instance]?.url}/${version}/${call}`;
    const headers = { 'Content-Type': 'application/json' };
    return readReply(await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) }));
  }

  /** Posts to one instance, and expects success. */
  async ask(instance: number, call: string, body: object): Promise<RawReply> {
    const reply = await this.post(instance, call, body);
    expect(reply, reply.text).toMatchObject({ status: 200 });
    return reply;
  }

  async create(instance: number, queue_name: string, settings: object = {}): Promise<void> {
    await this.ask(instance, 'queues.create', {
      ...{ queue_name, lease_timeout: '1m', expire_timeout: '24h', requested_partitions: 1 },
      ...settings,
    });
  }

  async produce(instance: number, queue_name: string, texts: readonly string[], rest = {}): Promise<void> {
    const items = texts.map((utf8) => ({ utf8, ...rest }));
    await this.ask(instance, 'queue.produce', { queue_name, request_timeout: '20s', items });
  }

  /** The items of a consumer that waits for a limited time. Empty if none came. */
  async lease(
    instance: number,
    queue_name: string,
    { batch_size = 10, request_timeout = '20s' } = {},
  ): Promise<readonly Taken[]> {
    const client_id = `client-${this.#clients++}`;
    const body = { queue_name, batch_size, request_timeout, client_id };
    const { status, json, text } = await this.post(instance, 'queue.lease', body);
    if (status === 454) return [];
    expect(status, text).toBe(200);
    return json.items.map(({ id, bytes }: { id: string; bytes: string }) => ({
      ...{ id, partition: json.partition ?? 0 },
      text: Buffer.from(bytes, 'base64').toString(),
    }));
  }

  async complete(instance: number, queue_name: string, items: readonly Taken[]): Promise<RawReply> {
    const { partition = 0 } = items[0] ?? {};
    const ids = items.map(({ id }) => id);
    return this.post(instance, 'queue.complete', { queue_name, partition, request_timeout: '20s', ids });
  }

  /** Waits until the instance has a pending lease. */
  async untilWaiting(instance: number, queue_name: string): Promise<void> {
    await vi.waitFor(async () => {
      const { json } = await this.ask(instance, 'queue.stats', { queue_name });
      const [stats] = json.logical_queues ?? json.logicalQueues ?? [];
      expect(Number(stats?.leaseWaiting ?? stats?.lease_waiting ?? 0)).toBeGreaterThan(0);
    }, PATIENCE);
  }
}

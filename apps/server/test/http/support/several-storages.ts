import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SystemClock, SystemRandom, silentLogger } from '@querator/core';
import { createTestDatabase, type TestDatabase } from '@querator/tooling-postgres';
import { afterEach, expect, vi } from 'vitest';
import { parseConfig, type RunningServer, startServer } from '../../../src/index.ts';
import { type RawReply, readReply } from '../../support/test-server.ts';

/** More than the moves of a few small partitions take on a busy machine. */
export const PATIENCE = { timeout: 30_000, interval: 50 };

/** Connection strings of databases, or folders of files, by the names of storages. Undefined: in memory. */
export type Places = Readonly<Record<string, string | undefined>>;
export type Placing = Readonly<Record<string, { readonly affinity: number; readonly drain?: boolean }>>;

const servers: SeveralStorages[] = [];
const databases: TestDatabase[] = [];
const folders: string[] = [];

/** Ends the servers and drops the databases after each test of a file. */
export function endAfterEach(): void {
  afterEach(async () => {
    await Promise.all(servers.splice(0).map((server) => server.stop()));
    for (const database of databases.splice(0)) await database.drop();
    for (const folder of folders.splice(0)) await rm(folder, { recursive: true });
  });
}

/** A place for a storage. */
export async function newPlace(driver: string): Promise<string | undefined> {
  if (driver === 'memory') return undefined;
  if (driver === 'sqlite') {
    const folder = await mkdtemp(join(tmpdir(), 'querator-sqlite-'));
    folders.push(folder);
    return folder;
  }
  const made = await createTestDatabase();
  databases.push(made);
  return made.connectionString;
}

function storageOn(place: string | undefined) {
  if (place === undefined) return { driver: 'memory' };
  if (folders.includes(place)) return { driver: 'sqlite', config: { path: join(place, 'queues.db') } };
  return { driver: 'postgres', config: { 'connection-string': place, 'max-conns': 4 } };
}

/** A real server with several storages of items. The first one keeps the queues too. */
export class SeveralStorages {
  readonly #server: RunningServer;

  private constructor(server: RunningServer) {
    this.#server = server;
    servers.push(this);
  }

  static async start(places: Places, placing: Placing, settings: object = {}): Promise<SeveralStorages> {
    const storages = Object.entries(places).map(([name, place]) => ({
      name,
      ...storageOn(place),
      ...placing[name],
    }));
    const [first] = Object.values(places);
    const own = { 'queue-storage': storageOn(first), 'partition-storage': storages };
    const config = { address: '127.0.0.1:0', ...own, ...settings };
    const deps = { clock: new SystemClock(), random: new SystemRandom(), logger: silentLogger };
    return new SeveralStorages(await startServer(parseConfig(JSON.stringify(config)), deps));
  }

  stop(): Promise<void> {
    return this.#server.stop();
  }

  async post(path: string, body: object): Promise<RawReply> {
    const headers = { 'Content-Type': 'application/json' };
    const reply = await fetch(this.#server.url + path, {
      method: 'POST',
      headers,
      body: JSON.stringify(body),
    });
    return readReply(reply);
  }

  /** Posts, and expects success. @returns the reply. */
  async ask(path: string, body: object): Promise<RawReply['json']> {
    const { status, json, text } = await this.post(path, body);
    expect(status, text).toBe(200);
    return json;
  }

  async get(path: string): Promise<{ readonly status: number; readonly text: string }> {
    const reply = await fetch(this.#server.url + path);
    return { status: reply.status, text: await reply.text() };
  }

  /** Creates a queue with ten items. */
  async createQueue(queue_name: string, partitions: number): Promise<void> {
    const settings = { lease_timeout: '1m', expire_timeout: '24h', requested_partitions: partitions };
    await this.ask('/v1/queues.create', { queue_name, ...settings });
    const items = Array.from({ length: 10 }, (_, n) => ({ utf8: `${queue_name}/${n}` }));
    await this.ask('/v1/queue.produce', { queue_name, request_timeout: '5s', items });
  }

  /** The storages of the partitions of a queue, in order. */
  async storagesOf(queue_name: string): Promise<readonly string[]> {
    const { partitions } = await this.ask('/v2/queues.describe', { queue_name });
    return partitions.map(({ storage_name }: { storage_name: string }) => storage_name);
  }

  /** How many items a queue holds. */
  async items(queue_name: string): Promise<number> {
    return (await this.ask('/v2/items.find', { queue_name, limit: 100 })).items?.length ?? 0;
  }

  /** Creates a task, and waits until it has ended. */
  async ended(request: object): Promise<RawReply['json']> {
    const { id } = await this.ask('/v2/tasks.create', request);
    return vi.waitFor(async () => {
      const task = await this.ask('/v2/tasks.get', { id });
      expect(task.state).not.toBe('running');
      return task;
    }, PATIENCE);
  }

  async move(queue_name: string, partition: number, storage_name: string): Promise<void> {
    const move = { kind: 'move_partition', queue_name, partition, storage_name };
    expect(await this.ended(move)).toMatchObject({ state: 'done' });
  }

  /** The check of a storage, and the status of the reply. */
  async health(storage: string) {
    const { status: code, text } = await this.get('/health');
    const { checks } = JSON.parse(text) as {
      checks: Record<string, readonly { status: string; output?: string }[]>;
    };
    return { code, ...checks[`${storage}:storage`]?.[0] };
  }

  /** The line of a metric. */
  async metric(name: string): Promise<string | undefined> {
    return (await this.get('/metrics')).text.split('\n').find((line) => line.startsWith(`${name}{`));
  }
}

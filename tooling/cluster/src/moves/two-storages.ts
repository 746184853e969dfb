import { setTimeout as delay } from 'node:timers/promises';
import { itemsTableName } from '@querator/storage-postgres';
import type { LoadedServer } from '@querator/tooling-load';
import { type Cluster, createTestDatabase, startTemporaryCluster } from '@querator/tooling-postgres';
import { type Answer, freePort, ITEMS_STORAGE, ServerProcess } from '@querator/tooling-processes';
import pg from 'pg';

/** The storage besides {@link ITEMS_STORAGE}. */
const SECOND = 'second';
/** Longer than any call, also of a partition that stands still until another server takes its move over. */
const REPLY_LIMIT_MS = 90_000;
const POLL_MS = 100;
const PLACED_LIMIT_MS = 10_000;

/** Moves of a queue's only partition go from one of these to the other. */
export type StorageName = typeof ITEMS_STORAGE | typeof SECOND;

/** The other storage. */
export function otherStorage(storage: StorageName): StorageName {
  return storage === SECOND ? ITEMS_STORAGE : SECOND;
}

/** Two PostgreSQL servers that keep what they acknowledge, and two Querator servers on both. */
export class TwoStorages {
  readonly #clusters: readonly Cluster[];
  readonly #admins: ReadonlyMap<StorageName, pg.Client>;
  readonly servers: readonly ServerProcess[];

  private constructor(
    clusters: readonly Cluster[],
    admins: ReadonlyMap<StorageName, pg.Client>,
    servers: readonly ServerProcess[],
  ) {
    this.#clusters = clusters;
    this.#admins = admins;
    this.servers = servers;
  }

  static async start(): Promise<TwoStorages> {
    const clusters: Cluster[] = [];
    const servers: ServerProcess[] = [];
    const admins = new Map<StorageName, pg.Client>();
    const all = () => new TwoStorages(clusters, admins, servers);
    try {
      const urls: Record<string, string> = {};
      for (const name of [ITEMS_STORAGE, SECOND] as const) {
        const settings = { shared_buffers: '256MB', max_wal_size: '4GB' };
        const cluster = await startTemporaryCluster({ settings });
        clusters.push(cluster);
        const { connectionString } = await createTestDatabase(cluster.connectionString());
        urls[name] = connectionString;
        const admin = new pg.Client(connectionString);
        admin.on('error', () => {});
        await admin.connect();
        admins.set(name, admin);
      }
      const { [ITEMS_STORAGE]: storage = '', ...further } = urls;
      for (let n = 0; n < 2; n++) servers.push(new ServerProcess(await freePort(), { storage, further }));
      await Promise.all(servers.map((server) => server.start()));
      return all();
    } catch (error) {
      await all().stop();
      throw error;
    }
  }

  /** The servers, as a load calls them: a killed one gives no reply. */
  get loaded(): readonly LoadedServer[] {
    return this.servers.map((server) => ({ post: (call, body) => post(server, `v1/${call}`, body) }));
  }

  /** Makes a call of `/v2/` at any server, until one answers with success. */
  async ask(call: string, body: object): Promise<Answer['json']> {
    const giveUpAt = performance.now() + REPLY_LIMIT_MS;
    for (let n = 0; ; n++) {
      const server = this.servers[n % this.servers.length] as ServerProcess;
      const answer = await post(server, `v2/${call}`, body);
      if (answer?.status === 200) return answer.json;
      const isFinal = answer !== undefined && answer.status !== 454 && answer.status !== 453;
      if (isFinal || performance.now() > giveUpAt)
        throw new Error(`${call}: ${answer?.status ?? 'no answer'} ${answer?.message ?? ''}`);
      await delay(POLL_MS);
    }
  }

  /** Moves the queue's partition, and waits for the end of the task. @param limitMs the longest that it may take. */
  async move(queue_name: string, storage_name: StorageName, limitMs: number): Promise<void> {
    const giveUpAt = performance.now() + limitMs;
    const request = { kind: 'move_partition', queue_name, partition: 0, storage_name };
    const { id } = await this.ask('tasks.create', request);
    for (;;) {
      const task = await this.ask('tasks.get', { id });
      if (task.state === 'done') break;
      if (task.state !== 'running') throw new Error(`the move ended as '${task.state}': ${task.error}`);
      if (performance.now() > giveUpAt)
        throw new Error(`the move has not ended in ${limitMs} ms; ${task.done} items copied. ${task.error}`);
      await delay(POLL_MS);
    }
    await this.#untilPlaced(queue_name, storage_name);
  }

  /** The rows of the partition's table. 0: there is none. */
  async rows(queue: string, storage: StorageName): Promise<number> {
    const table = itemsTableName({ queue, partition: 0 });
    const [there] = await this.#query<{ there: boolean }>(
      storage,
      `SELECT to_regclass('${table}') IS NOT NULL AS there`,
    );
    if (there?.there !== true) return 0;
    const [row] = await this.#query<{ count: string }>(storage, `SELECT count(*) FROM ${table}`);
    return Number(row?.count);
  }

  /** Whether the source of the move is closed, just before the switch or after it. */
  async isClosed(queue: string, storage: StorageName): Promise<boolean> {
    const [there] = await this.#query<{ there: boolean }>(
      storage,
      `SELECT to_regclass('querator_moves') IS NOT NULL AS there`,
    );
    if (there?.there !== true) return false;
    const name = itemsTableName({ queue, partition: 0 });
    const rows = await this.#query(
      storage,
      `SELECT 1 FROM querator_moves WHERE items_table = '${name}' AND state = 'closed'`,
    );
    return rows.length > 0;
  }

  async stop(): Promise<void> {
    for (const server of this.servers) await server.kill().then(() => server.stop());
    for (const admin of this.#admins.values()) await admin.end();
    for (const cluster of this.#clusters) await cluster.stop();
  }

  /** Waits until a server shows the partition there. It may take it a second to read the record again. */
  async #untilPlaced(queue_name: string, storage_name: StorageName): Promise<void> {
    const giveUpAt = performance.now() + PLACED_LIMIT_MS;
    for (;;) {
      const { partitions } = await this.ask('queues.describe', { queue_name });
      const [partition] = partitions;
      if (partition.storage_name === storage_name && partition.moving_to === undefined) return;
      if (performance.now() > giveUpAt)
        throw new Error(`the move has ended, and the partition is on '${partition.storage_name}'`);
      await delay(POLL_MS);
    }
  }

  async #query<Row>(storage: StorageName, text: string): Promise<readonly Row[]> {
    const { rows } = await (this.#admins.get(storage) as pg.Client).query(text);
    return rows as Row[];
  }
}

async function post({ url }: ServerProcess, path: string, body: object): Promise<Answer | undefined> {
  try {
    const reply = await fetch(`${url}/${path}`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(REPLY_LIMIT_MS),
    });
    const json = JSON.parse(await reply.text());
    return { status: reply.status, message: json.message ?? '', json };
  } catch {
    return undefined;
  }
}

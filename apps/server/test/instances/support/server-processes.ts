import type { LoadedServer } from '@querator/tooling-load';
import { createTestDatabase, type TestDatabase } from '@querator/tooling-postgres';
import { freePort, ServerProcess, type ServerProcessOptions } from '@querator/tooling-processes';
import { type RawReply, readReply } from '../../support/test-server.ts';

/** Longer than any request of these tests to a running server. */
const REPLY_LIMIT_MS = 15_000;

/** How processes are started. */
export interface ProcessesOptions {
  readonly count: number;
  /** The connection limit of each process. 1 leaves none for LISTEN. */
  readonly maxConns?: number;
  /** The program of their first start, that of another clone is another version. */
  readonly main?: string | undefined;
  /** The name of a second storage of items, in a database of its own, which takes no new partitions. Undefined: there is none. */
  readonly second?: string | undefined;
}

/**
 * Several servers on one database. Each has its own process, and a port that it
 * keeps over restarts. Their names at the database are `instance-0` and so on.
 */
export class ServerProcesses {
  readonly database: TestDatabase;
  readonly #further: readonly TestDatabase[];
  readonly #servers: readonly ServerProcess[];

  private constructor(
    database: TestDatabase,
    further: readonly TestDatabase[],
    servers: readonly ServerProcess[],
  ) {
    this.database = database;
    this.#further = further;
    this.#servers = servers;
  }

  static async start({ count, maxConns = 5, main, second }: ProcessesOptions): Promise<ServerProcesses> {
    const database = await createTestDatabase();
    const other = second === undefined ? undefined : await createTestDatabase();
    const further = second === undefined || other === undefined ? {} : { [second]: other.connectionString };
    const servers: ServerProcess[] = [];
    for (let instance = 0; instance < count; instance++) {
      const url = new URL(database.connectionString);
      url.searchParams.set('application_name', `instance-${instance}`);
      servers.push(new ServerProcess(await freePort(), { storage: url.href, maxConns, further }));
    }
    const processes = new ServerProcesses(database, other === undefined ? [] : [other], servers);
    try {
      await Promise.all(servers.map((server) => server.start(main)));
    } catch (error) {
      await processes.stop();
      throw error;
    }
    return processes;
  }

  get urls(): readonly string[] {
    return this.#servers.map(({ url }) => url);
  }

  get count(): number {
    return this.#servers.length;
  }

  /** The instances, as a load calls them. */
  get loaded(): readonly LoadedServer[] {
    return this.#servers.map((_, instance) => ({ post: (call, body) => this.post(instance, call, body) }));
  }

  urlOf(instance: number): string {
    return this.#server(instance).url;
  }

  /** Stops an instance, and starts it with other options. */
  async restart(instance: number, changes: ServerProcessOptions): Promise<void> {
    await this.terminate(instance);
    this.#server(instance).reconfigure(changes);
    await this.startOne(instance);
  }

  /** How many lines of the log of an instance contain these words, since its last start. */
  logged(instance: number, words: string): number {
    return this.#server(instance).logged(words);
  }

  /** Starts a stopped instance, and waits until it answers. */
  startOne(instance: number): Promise<void> {
    return this.#server(instance).start();
  }

  /** SIGKILL: ends without a shutdown. */
  kill(instance: number): Promise<void> {
    return this.#server(instance).kill();
  }

  /** SIGSTOP: keeps all connections and answers no request. */
  pause(instance: number): void {
    this.#server(instance).pause();
  }

  /** SIGCONT. */
  resume(instance: number): void {
    this.#server(instance).resume();
  }

  /** SIGTERM: waits for the shutdown. @returns the exit code. */
  terminate(instance: number): Promise<number | null> {
    return this.#server(instance).stop();
  }

  async stop(): Promise<void> {
    await Promise.all(this.#servers.map((server) => server.kill().then(() => server.stop())));
    for (const database of [this.database, ...this.#further]) await database.drop();
  }

  /** Posts to one instance. Undefined if no reply came, for any reason. @param call of `/v1/`, or with `v2/`. */
  async post(instance: number, call: string, body: object): Promise<RawReply | undefined> {
    const path = call.startsWith('v2/') ? call : `v1/${call}`;
    try {
      const reply = await fetch(`${this.urlOf(instance)}/${path}`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify(body),
        signal: AbortSignal.timeout(REPLY_LIMIT_MS),
      });
      return await readReply(reply);
    } catch {
      return undefined;
    }
  }

  /** Posts to one instance, and expects success. */
  async ask(instance: number, call: string, body: object): Promise<RawReply> {
    const reply = await this.post(instance, call, body);
    if (reply?.status !== 200) throw new Error(`${call}: ${reply?.text ?? 'no reply'}`);
    return reply;
  }

  async create(instance: number, queue_name: string, settings: object = {}): Promise<void> {
    await this.ask(instance, 'queues.create', {
      ...{ queue_name, lease_timeout: '1m', expire_timeout: '24h', requested_partitions: 1 },
      ...settings,
    });
  }

  #server(instance: number): ServerProcess {
    return this.#servers[instance] as ServerProcess;
  }
}

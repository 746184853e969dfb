import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTestDatabase, type TestDatabase } from '@querator/tooling-postgres';
import { configFileFor, freePort, ServerProgram } from '../../support/server-program.ts';
import { type RawReply, readReply } from '../../support/test-server.ts';

/** Longer than any request of these tests to a running server. */
const REPLY_LIMIT_MS = 15_000;

/** How processes are started. */
export interface ProcessesOptions {
  readonly count: number;
  /** The connection limit of each process. 1 leaves none for LISTEN. */
  readonly maxConns?: number;
  /** The program of their first start, as for `ServerProgram`. */
  readonly main?: string | undefined;
}

/**
 * Several servers on one database. Each has its own process, and a port that it
 * keeps over restarts. Their names at the database are `instance-0` and so on.
 */
export class ServerProcesses {
  readonly database: TestDatabase;
  readonly #folder: string;
  readonly #urls: string[] = [];
  readonly #programs: ServerProgram[] = [];

  private constructor(database: TestDatabase, folder: string) {
    this.database = database;
    this.#folder = folder;
  }

  static async start(options: ProcessesOptions): Promise<ServerProcesses> {
    const database = await createTestDatabase();
    const folder = await mkdtemp(join(tmpdir(), 'querator-instances-'));
    const processes = new ServerProcesses(database, folder);
    for (let instance = 0; instance < options.count; instance++) {
      const port = await freePort();
      processes.#urls.push(`http://127.0.0.1:${port}`);
      const url = new URL(database.connectionString);
      url.searchParams.set('application_name', `instance-${instance}`);
      const text = configFileFor(url.href, { port, maxConns: options.maxConns ?? 5 });
      await writeFile(processes.#configOf(instance), text);
    }
    try {
      await Promise.all(processes.#urls.map((_, instance) => processes.startOne(instance, options.main)));
    } catch (error) {
      await processes.stop();
      throw error;
    }
    return processes;
  }

  get urls(): readonly string[] {
    return this.#urls;
  }

  get count(): number {
    return this.#urls.length;
  }

  urlOf(instance: number): string {
    return this.#urls[instance] as string;
  }

  /** The log of its current process. */
  logOf(instance: number): string {
    return this.#program(instance).output;
  }

  /** Starts a stopped instance, and waits until it listens. @param main as for `ServerProgram`. */
  async startOne(instance: number, main?: string): Promise<void> {
    const program = new ServerProgram(['--config', this.#configOf(instance)], main);
    this.#programs[instance] = program;
    await program.untilLogged('HTTP server started');
  }

  /** SIGKILL: ends without a shutdown. */
  async kill(instance: number): Promise<void> {
    this.#program(instance).child.kill('SIGKILL');
    await this.#program(instance).ended();
  }

  /** SIGSTOP: keeps all connections and answers no request. */
  pause(instance: number): void {
    this.#program(instance).child.kill('SIGSTOP');
  }

  /** SIGCONT. */
  resume(instance: number): void {
    this.#program(instance).child.kill('SIGCONT');
  }

  /** SIGTERM: waits for the shutdown. @returns the exit code. */
  async terminate(instance: number): Promise<number | null> {
    this.#program(instance).child.kill('SIGTERM');
    return this.#program(instance).ended();
  }

  async stop(): Promise<void> {
    for (const { child } of this.#programs) child.kill('SIGKILL');
    await Promise.all(this.#programs.map((program) => program.ended()));
    await rm(this.#folder, { recursive: true });
    await this.database.drop();
  }

  /** Posts to one instance. Undefined if no reply came, for any reason. */
  async post(instance: number, call: string, body: object): Promise<RawReply | undefined> {
    try {
      const reply = await fetch(`${this.urlOf(instance)}/v1/${call}`, {
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

  #program(instance: number): ServerProgram {
    return this.#programs[instance] as ServerProgram;
  }

  #configOf(instance: number): string {
    return join(this.#folder, `instance-${instance}.json`);
  }
}

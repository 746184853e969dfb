import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import type { Readable } from 'node:stream';
import { vi } from 'vitest';
import { root } from '../../src/repository.ts';

const MAIN = join(root, 'apps/server/src/main.ts');
/** Processes start in a second, unless the machine is busy. */
const PATIENCE = { timeout: 30_000, interval: 20 };

/** The most connections that a server opens. */
export const MAX_CONNS = 8;

/** What came back over HTTP. */
export interface Answer {
  readonly status: number;
  readonly message: string;
  // biome-ignore lint/suspicious/noExplicitAny: replies are of every shape.
  readonly json: any;
}

/** A `querator server`, started as an operator starts it, with everything in one database. */
export class ServerProcess {
  readonly #child: ChildProcessByStdio<null, Readable, Readable>;
  readonly #folder: string;
  #output = '';
  #url = '';

  private constructor(folder: string) {
    this.#folder = folder;
    const args = ['--conditions=@querator/source', MAIN, 'server', '--config', join(folder, 'querator.yaml')];
    this.#child = spawn(process.execPath, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { PATH: process.env['PATH'] },
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream.on('data', (chunk) => {
        this.#output += chunk;
      });
    }
  }

  static async start(connectionString: string): Promise<ServerProcess> {
    const folder = mkdtempSync(join(tmpdir(), 'querator-server-'));
    const storage = {
      driver: 'postgres',
      config: { 'connection-string': connectionString, 'max-conns': MAX_CONNS },
    };
    const config = {
      address: '127.0.0.1:0',
      logging: { handler: 'json', level: 'info' },
      'queue-storage': storage,
      'partition-storage': [{ name: 'postgres-01', ...storage }],
    };
    writeFileSync(join(folder, 'querator.yaml'), JSON.stringify(config), { mode: 0o600 });
    const server = new ServerProcess(folder);
    await vi.waitFor(() => server.#readUrl(), PATIENCE);
    return server;
  }

  /** All that it has logged so far. */
  get log(): string {
    return this.#output;
  }

  /** Whether it has ended. */
  get ended(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  async post(call: string, body: object): Promise<Answer> {
    const response = await fetch(`${this.#url}/v1/${call}`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
    });
    const json = JSON.parse(await response.text());
    return { status: response.status, message: json.message ?? '', json };
  }

  /** As `post`, and it must succeed. */
  async ask(call: string, body: object): Promise<Answer['json']> {
    const { status, message, json } = await this.post(call, body);
    if (status !== 200) throw new Error(`${call}: ${status} ${message}`);
    return json;
  }

  async createQueue(queue_name: string, settings: object = {}): Promise<void> {
    await this.ask('queues.create', {
      ...{ queue_name, lease_timeout: '10m', expire_timeout: '24h', requested_partitions: 1 },
      ...settings,
    });
  }

  /** Ends it in good order. @returns its exit code. */
  async stop(): Promise<number | null> {
    const ended = this.ended ? undefined : once(this.#child, 'exit');
    this.#child.kill('SIGTERM');
    await ended;
    rmSync(this.#folder, { recursive: true, force: true });
    return this.#child.exitCode;
  }

  #readUrl(): void {
    if (this.ended) throw new Error(this.#output);
    const address = /"address":"(http:[^"]+)"/.exec(this.#output)?.[1];
    if (address === undefined) throw new Error(`it does not listen yet: ${this.#output}`);
    this.#url = address;
  }
}

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';
import { freePort } from '@querator/tooling-postgres';
import { expect, vi } from 'vitest';
import { root } from '../../src/repository.ts';

const PATIENCE = { timeout: 60_000, interval: 50 };

/** A reply of the server. */
export interface Reply {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: replies have many shapes.
  readonly json: any;
}

/** An item as a consumer got it. */
export interface Taken {
  readonly id: string;
  readonly text: string;
}

/** A Querator server in a process of its own, started from the sources as a user starts it. */
export class ServerProgram {
  readonly #child: ChildProcess;
  readonly #folder: string;
  readonly #url: string;
  #clients = 0;
  /** What it logged. */
  log = '';

  private constructor(port: number, connectionString: string) {
    this.#url = `http://127.0.0.1:${port}`;
    this.#folder = mkdtempSync(join(tmpdir(), 'querator-server-'));
    const config = join(this.#folder, 'config.yaml');
    const storage = {
      driver: 'postgres',
      config: { 'connection-string': connectionString, 'max-conns': 8 },
    };
    // JSON is YAML; the mode keeps the password to us.
    writeFileSync(
      config,
      JSON.stringify({
        address: `127.0.0.1:${port}`,
        logging: { handler: 'json', level: 'info' },
        'queue-storage': storage,
        'partition-storage': [{ name: 'pg', ...storage }],
      }),
      { mode: 0o600 },
    );
    const main = join(root, 'apps/server/src/main.ts');
    const args = ['--conditions=@querator/source', main, 'server', '--config', config];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child = child;
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk) => {
        this.log += chunk;
      });
    }
  }

  static async start(connectionString: string): Promise<ServerProgram> {
    const server = new ServerProgram(await freePort(), connectionString);
    await vi.waitFor(async () => {
      const reply = await fetch(`${server.#url}/health`).catch(() => undefined);
      expect(reply?.ok, `the server is not up; it said: ${server.log}`).toBe(true);
    }, PATIENCE);
    return server;
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode === null) {
      this.#child.kill('SIGTERM');
      await once(this.#child, 'exit');
    }
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** How many lines of its log hold these words. */
  logged(words: string): number {
    return this.log.split('\n').filter((line) => line.includes(words)).length;
  }

  async post(call: string, body: object): Promise<Reply> {
    const headers = { 'Content-Type': 'application/json' };
    const reply = await fetch(`${this.#url}/v1/${call}`, {
      method: 'POST',
      headers,
      body: JSON.stringify(body),
    });
    return { status: reply.status, json: await reply.json() };
  }

  async create(queue_name: string): Promise<void> {
    const settings = { lease_timeout: '10s', expire_timeout: '24h', requested_partitions: 1 };
    const { status, json } = await this.post('queues.create', { queue_name, ...settings });
    expect(status, JSON.stringify(json)).toBe(200);
  }

  produce(queue_name: string, texts: readonly string[]): Promise<Reply> {
    const items = texts.map((utf8) => ({ utf8 }));
    return this.post('queue.produce', { queue_name, request_timeout: '20s', items });
  }

  /** What a consumer gets that waits at most so long; nothing when it was in vain, or storage failed. */
  async lease(queue_name: string, batch_size: number, request_timeout: string): Promise<readonly Taken[]> {
    const client_id = `client-${this.#clients++}`;
    const { status, json } = await this.post('queue.lease', {
      ...{ queue_name, batch_size, request_timeout, client_id },
    });
    if (status !== 200) {
      // As clients do after a failure.
      if (status !== 454) await delay(50);
      return [];
    }
    return json.items.map(({ id, bytes }: { id: string; bytes: string }) => ({
      ...{ id, text: Buffer.from(bytes, 'base64').toString() },
    }));
  }

  complete(queue_name: string, items: readonly Taken[]): Promise<Reply> {
    const ids = items.map(({ id }) => id);
    return this.post('queue.complete', { queue_name, partition: 0, request_timeout: '20s', ids });
  }

  /** Waits until a consumer waits there. */
  async untilHungry(queue_name: string): Promise<void> {
    await vi.waitFor(async () => {
      const { json } = await this.post('queue.stats', { queue_name });
      const [stats] = json.logical_queues ?? json.logicalQueues ?? [];
      expect(Number(stats?.leaseWaiting ?? stats?.lease_waiting ?? 0)).toBeGreaterThan(0);
    }, PATIENCE);
  }
}

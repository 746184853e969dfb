import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { atExit } from '@querator/tooling-postgres';
import type { CountsReleases } from './release-watch.ts';
import { releasesIn } from './releases-in.ts';

const MAIN = fileURLToPath(new URL('../../../../apps/server/src/main.ts', import.meta.url));
const HOOK = fileURLToPath(new URL('../variants/load-hook.ts', import.meta.url));
const PATIENCE_MS = 60_000;
const METRICS_PATIENCE_MS = 1_000;

/** Where an instance listens, and what it is. */
export interface InstanceOptions {
  readonly port: number;
  readonly connectionString: string;
  /** Its configuration goes here. */
  readonly folder: string;
  /** A known-bad variant of the engine; absent: as it is. */
  readonly variant?: string | undefined;
}

/** A server in a process of its own, as a user starts it, that can be killed, paused and started again. */
export class Instance implements CountsReleases {
  readonly url: string;
  readonly #options: InstanceOptions;
  #child: ChildProcess | undefined;
  #output = '';
  #starts = 0;
  #forgetExit: () => void = () => {};

  constructor(options: InstanceOptions) {
    this.#options = options;
    this.url = `http://127.0.0.1:${options.port}`;
  }

  /** Starts it, and waits until it answers. */
  async start(): Promise<void> {
    const { port, connectionString, folder, variant } = this.#options;
    const config = join(folder, `${port}.yaml`);
    const storage = {
      driver: 'postgres',
      config: { 'connection-string': connectionString, 'max-conns': 5 },
    };
    const settings = {
      address: `127.0.0.1:${port}`,
      logging: { handler: 'json', level: 'error' },
      'queue-storage': storage,
      'partition-storage': [{ name: 'pg', ...storage }],
    };
    // The connection string holds a password.
    writeFileSync(config, JSON.stringify(settings), { mode: 0o600 });
    const hook = variant === undefined ? [] : ['--import', HOOK];
    const args = ['--conditions=@querator/source', ...hook, MAIN, 'server', '--config', config];
    const child = spawn(process.execPath, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { PATH: process.env['PATH'], ...(variant === undefined ? {} : { HISTORIES_VARIANT: variant }) },
    });
    this.#child = child;
    this.#forgetExit();
    this.#forgetExit = atExit(() => child.kill('SIGKILL'));
    this.#starts++;
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk) => {
        this.#output = (this.#output + chunk).slice(-10_000);
      });
    }
    await this.#untilAnswering();
  }

  get process(): number {
    return this.#starts;
  }

  async released(queue: string): Promise<number | undefined> {
    const metrics = await fetch(`${this.url}/metrics`, { signal: AbortSignal.timeout(METRICS_PATIENCE_MS) })
      .then((answer) => (answer.ok ? answer.text() : undefined))
      .catch(() => undefined);
    return metrics === undefined ? undefined : releasesIn(metrics, queue);
  }

  /** SIGKILL; resolves when it is gone. */
  async kill(): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
    this.#forgetExit();
  }

  /** SIGSTOP: connections stay open, nothing answers. */
  pause(): void {
    this.#child?.kill('SIGSTOP');
  }

  /** Ends a pause. */
  resume(): void {
    this.#child?.kill('SIGCONT');
  }

  async #untilAnswering(): Promise<void> {
    const until = performance.now() + PATIENCE_MS;
    while (performance.now() < until) {
      if (this.#child?.exitCode !== null) break;
      const answer = await fetch(`${this.url}/metrics`).catch(() => undefined);
      await answer?.arrayBuffer();
      if (answer?.ok) return;
      await delay(20);
    }
    throw new Error(`the server on port ${this.#options.port} does not answer:\n${this.#output}`);
  }
}

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type Answer, callServer } from './call-server.ts';
import { atExit } from './exit-cleanup.ts';
import { freePort } from './free-port.ts';
import { programEnvironment } from './program-environment.ts';
import { type ServerConfigOptions, serverConfig } from './server-config.ts';

const SOURCES = fileURLToPath(new URL('../../../apps/server/src/main.ts', import.meta.url));
export const SOURCE_FLAGS: readonly string[] = ['--conditions=@querator/source'];
/** A server starts within a second; a busy machine may take far longer. */
const START_LIMIT_MS = 60_000;
/** Characters kept from the end of the output. */
const OUTPUT_KEPT = 10_000_000;

export interface ServerProcessOptions extends Omit<ServerConfigOptions, 'port'> {
  /** The program to run; this clone's sources by default. */
  readonly program?: string | undefined;
  /** Node's own flags; those for a program from sources by default. */
  readonly flags?: readonly string[];
  /** Environment variables besides those of `programEnvironment`. */
  readonly env?: Readonly<Record<string, string>>;
}

/**
 * `querator server` in a child process, configured and started as an operator
 * does. It can be killed, paused and started again, and is killed when this
 * process ends.
 */
export class ServerProcess {
  readonly port: number;
  readonly url: string;
  #options: ServerProcessOptions;
  /** Contains the configuration between `start` and `stop`. */
  #folder: string | undefined;
  #child: ChildProcess | undefined;
  #output = '';
  #starts = 0;
  #forgetExit: () => void = () => {};

  /** Does not start it yet. */
  constructor(port: number, options: ServerProcessOptions = {}) {
    this.port = port;
    this.url = `http://127.0.0.1:${port}`;
    this.#options = options;
  }

  /** Starts a server on a free port, and waits until it answers. */
  static async start(options: ServerProcessOptions = {}): Promise<ServerProcess> {
    const server = new ServerProcess(await freePort(), options);
    await server.start();
    return server;
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  /** How many times it was started. */
  get starts(): number {
    return this.#starts;
  }

  get ended(): boolean {
    const child = this.#child;
    return child === undefined || child.exitCode !== null || child.signalCode !== null;
  }

  /** Standard output and standard error since the last start. */
  get log(): string {
    return this.#output;
  }

  /** How many lines of the log contain these words. */
  logged(words: string): number {
    return this.#output.split('\n').filter((line) => line.includes(words)).length;
  }

  /** Changes options, from the next start on. */
  reconfigure(changes: ServerProcessOptions): void {
    this.#options = { ...this.#options, ...changes };
  }

  /**
   * Starts it, also again on the same port, and waits until it answers.
   *
   * @param program of this start only.
   * @throws Error with its log when it ends, or does not answer in time.
   */
  async start(program = this.#options.program): Promise<void> {
    const { program: _, flags, env, ...config } = this.#options;
    this.#folder ??= mkdtempSync(join(tmpdir(), 'querator-server-'));
    const file = join(this.#folder, 'config.yaml');
    writeFileSync(file, serverConfig({ ...config, port: this.port }), { mode: 0o600 });
    const args = [...(flags ?? SOURCE_FLAGS), program ?? SOURCES, 'server', '--config', file];
    const child = spawn(process.execPath, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...programEnvironment(), ...env },
    });
    this.#child = child;
    this.#output = '';
    this.#starts++;
    this.#forgetExit();
    this.#forgetExit = atExit(() => child.kill('SIGKILL'));
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk: Buffer) => {
        this.#output = `${this.#output}${chunk}`.slice(-OUTPUT_KEPT);
      });
    }
    try {
      await this.#untilAnswering();
    } catch (error) {
      await this.kill();
      throw error;
    }
  }

  /** SIGSTOP: connections stay open, nothing answers. */
  pause(): void {
    this.#child?.kill('SIGSTOP');
  }

  /** Ends a pause. */
  resume(): void {
    this.#child?.kill('SIGCONT');
  }

  /** SIGKILL. Resolves when the process has ended. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL');
  }

  /** Ends the process with SIGTERM and removes its configuration. @returns its exit code. */
  async stop(): Promise<number | null> {
    await this.#end('SIGTERM');
    if (this.#folder !== undefined) rmSync(this.#folder, { recursive: true });
    this.#folder = undefined;
    return this.#child?.exitCode ?? null;
  }

  post(call: string, body: object): Promise<Answer> {
    return callServer(this.url, call, body);
  }

  /** Makes a call that has to succeed. @returns its reply. */
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

  async #end(signal: NodeJS.Signals): Promise<void> {
    if (this.#child === undefined || this.ended) return;
    const gone = once(this.#child, 'exit');
    this.#child.kill(signal);
    await gone;
    this.#forgetExit();
  }

  async #untilAnswering(): Promise<void> {
    const deadline = performance.now() + START_LIMIT_MS;
    while (!this.ended && performance.now() < deadline) {
      const reply = await fetch(`${this.url}/metrics`).catch(() => undefined);
      await reply?.arrayBuffer();
      if (reply !== undefined) return;
      await delay(20);
    }
    throw new Error(`the server on port ${this.port} does not answer:\n${this.#output}`);
  }
}

import { Readable, Writable } from 'node:stream';
import type { Fetch } from '@querator/client';
import { SystemClock, SystemRandom, silentLogger } from '@querator/core';
import type { Command } from 'commander';
import { Cli } from '../../../src/cli/cli.ts';
import type { CliIo } from '../../../src/cli/io.ts';
import { createProgram } from '../../../src/cli/program.ts';
import { runCli } from '../../../src/cli/run-cli.ts';
import { type Composition, compose } from '../../../src/compose.ts';
import { defaultConfig } from '../../../src/config/load.ts';
import { systemMonotonicClock } from '../../../src/monotonic-clock.ts';

/** The result of a command. */
export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Overrides of the default: an empty environment without a terminal. */
export interface RunOptions extends Partial<CliIo> {
  /** Standard input, as text or in chunks. */
  readonly input?: string | Iterable<Uint8Array | string>;
}

/**
 * A whole server in this process, with storage in memory, behind a `fetch`.
 *
 * @param storages the names of further storages of items.
 */
export function startInProcess(...storages: readonly string[]): { server: Composition; fetch: Fetch } {
  const deps = { clock: new SystemClock(), random: new SystemRandom(), logger: silentLogger };
  const config = defaultConfig();
  const present = config['partition-storage'];
  const further = storages.map((name) => ({ name, driver: 'memory', affinity: 0, config: {} }));
  const server = compose({ ...config, 'partition-storage': [...present, ...further] }, deps);
  return { server, fetch: async (url, init) => server.app.fetch(new Request(url, init), {}) };
}

/** A user's terminal: runs commands, and records what they print. */
export class Terminal {
  readonly #fetch: Fetch;

  constructor(fetch: Fetch) {
    this.#fetch = fetch;
  }

  /** Runs a command, given as words. */
  async run(argv: readonly string[], { input = '', ...io }: RunOptions = {}): Promise<Ran> {
    const stdout = new Recorder();
    const stderr = new Recorder();
    const code = await runCli(argv, {
      stdin: Readable.from(typeof input === 'string' ? [Buffer.from(input)] : input),
      stdout,
      stderr,
      isTerminal: false,
      env: {},
      fetch: this.#fetch,
      monotonicClock: systemMonotonicClock,
      interrupted: () => new AbortController().signal,
      beforeEnd: () => () => {},
      sleep: async () => {},
      runServer: async () => 0,
      ...io,
    });
    return { code, stdout: stdout.text, stderr: stderr.text };
  }

  /** Runs a command, given as a line of words without blanks in them, and expects success. */
  async ok(line: string, options: RunOptions = {}): Promise<Ran> {
    const ran = await this.run(line.split(' '), options);
    if (ran.code !== 0) throw new Error(`querator ${line}: exit code ${ran.code}: ${ran.stderr}`);
    return ran;
  }
}

/** All commands with their flags, to look at. */
export function commandTree(): Command {
  const io: CliIo = {
    ...{
      stdin: Readable.from([]),
      stdout: new Recorder(),
      stderr: new Recorder(),
      isTerminal: false,
      env: {},
    },
    monotonicClock: systemMonotonicClock,
    interrupted: () => new AbortController().signal,
    beforeEnd: () => () => {},
    sleep: async () => {},
    runServer: async () => 0,
  };
  return createProgram(() => new Cli(io, () => ({}))).program;
}

class Recorder extends Writable {
  readonly #chunks: Buffer[] = [];

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.#chunks.push(chunk);
    done();
  }

  get text(): string {
    return Buffer.concat(this.#chunks).toString();
  }
}

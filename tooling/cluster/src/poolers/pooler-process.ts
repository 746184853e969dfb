import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';
import { atExit, type Cluster, chooseRunAs, command, freePort, type RunAs } from '@querator/tooling-postgres';

/** More than a program needs to start, on a machine that is busy. */
const START_LIMIT_MS = 30_000;

/** What a kind of pooler needs to run before a cluster. */
export interface PoolerKind {
  readonly program: string;
  /** Files by name; the first is the configuration. */
  readonly files: (place: { readonly folder: string; readonly port: number }) => Record<string, string>;
  /** What the program is started with. */
  readonly args: (folder: string) => readonly string[];
}

/** A pooler in a process of its own, as an account that is not root: none of them runs as root. */
export class PoolerProcess {
  readonly folder: string;
  readonly port: number;
  readonly #cluster: Cluster;
  readonly #kind: PoolerKind;
  readonly #runAs: RunAs;
  #child: ChildProcess | undefined;
  #output = '';
  #forgetExit: () => void = () => {};

  private constructor(cluster: Cluster, kind: PoolerKind, port: number) {
    this.#cluster = cluster;
    this.#kind = kind;
    this.port = port;
    this.folder = mkdtempSync(join(tmpdir(), 'querator-pooler-'));
    this.#runAs = chooseRunAs((as) => {
      const probe = command(as, kind.program, ['--version']);
      return spawnSync(probe.file, probe.args, { ...probe.options, stdio: 'ignore' }).status === 0;
    });
    mkdirSync(join(this.folder, 'run'));
    for (const [name, text] of Object.entries(kind.files({ folder: this.folder, port }))) {
      writeFileSync(join(this.folder, name), text, { mode: 0o600 });
      this.#giveAway(name);
    }
    for (const name of ['run', '.']) this.#giveAway(name);
  }

  static async start(cluster: Cluster, kind: PoolerKind): Promise<PoolerProcess> {
    const pooler = new PoolerProcess(cluster, kind, await freePort());
    await pooler.start();
    return pooler;
  }

  /** A database of the cluster, through the pooler, as the cluster's superuser. */
  connectionString(database: string, query = ''): string {
    const url = new URL(this.#cluster.connectionString(database));
    url.port = String(this.port);
    return `${url.href}${query === '' ? '' : `?${query}`}`;
  }

  /** Starts it, again on the same port, and waits until it takes connections. */
  async start(): Promise<void> {
    const { file, args, options } = command(this.#runAs, this.#kind.program, this.#kind.args(this.folder));
    // In a group of its own: pgpool-II is many processes, and they are to end together.
    const child = spawn(file, args, { ...options, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
    this.#forgetExit = atExit(() => killGroup(child));
    this.#child = child;
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk: Buffer) => {
        this.#output = `${this.#output}${chunk}`.slice(-100_000);
      });
    }
    const deadline = performance.now() + START_LIMIT_MS;
    while (!(await this.#takesConnections())) {
      if (child.exitCode === null && performance.now() < deadline) await delay(20);
      else throw new Error(`${this.#kind.program} does not start: ${this.#output}`);
    }
  }

  /** Ends it without warning: its connections on both sides are cut. */
  async kill(): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    this.#child = undefined;
    const gone = once(child, 'exit');
    killGroup(child);
    await gone;
    this.#forgetExit();
  }

  async stop(): Promise<void> {
    await this.kill();
    rmSync(this.folder, { recursive: true, force: true });
  }

  async #takesConnections(): Promise<boolean> {
    const socket = connect(this.port, '127.0.0.1');
    try {
      await once(socket, 'connect');
      return true;
    } catch {
      return false;
    } finally {
      socket.destroy();
    }
  }

  #giveAway(name: string): void {
    const { owner } = this.#runAs;
    if (owner !== undefined) chownSync(join(this.folder, name), owner.uid, owner.gid);
  }
}

function killGroup({ pid, exitCode }: ChildProcess): void {
  if (pid === undefined || exitCode !== null) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
}

const PAGE = new URL('../../../../docs/storage/poolers.md', import.meta.url);

/**
 * The configuration that the documentation shows, with some values replaced:
 * what operators are told is what is tested.
 *
 * @param file the name in the first line of the example.
 * @throws Error when a value that is to be replaced is not in it.
 */
export function documented(file: string, values: Readonly<Record<string, string | number>>): string {
  const blocks = readFileSync(PAGE, 'utf8').matchAll(/```ini\n([;#] (\S+)\n[^`]*)```/g);
  let text = [...blocks].find(([, , name]) => name === file)?.[1];
  if (text === undefined) throw new Error(`the documentation has no example of ${file}`);
  for (const [name, value] of Object.entries(values)) {
    const line = new RegExp(`^${name} = .*$`, 'm');
    if (!line.test(text)) throw new Error(`the example of ${file} has no ${name}`);
    text = text.replace(line, `${name} = ${value}`);
  }
  return text;
}

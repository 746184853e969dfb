import { once } from 'node:events';
import { chownSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Cluster } from '@querator/tooling-postgres';
import { BackgroundProgram, canRun, chooseRunAs, freePort } from '@querator/tooling-processes';

/** A pooler starts within a second; a busy machine may take far longer. */
const START_LIMIT_MS = 30_000;

/** What a pooler of some kind needs to run in front of a cluster. */
export interface PoolerKind {
  readonly program: string;
  /** Files by name; the first is the configuration. */
  readonly files: (place: { readonly folder: string; readonly port: number }) => Record<string, string>;
  /** The arguments of the program. */
  readonly args: (folder: string) => readonly string[];
}

/** A running pooler. Poolers refuse to run as root, so that it has another account. */
export class PoolerProcess {
  readonly folder: string;
  readonly port: number;
  readonly #cluster: Cluster;
  readonly #program: BackgroundProgram;

  private constructor(cluster: Cluster, kind: PoolerKind, port: number) {
    const { program } = kind;
    this.#cluster = cluster;
    this.port = port;
    this.folder = mkdtempSync(join(tmpdir(), 'querator-pooler-'));
    const runAs = chooseRunAs((as) => canRun(as, program, ['--version']));
    mkdirSync(join(this.folder, 'run'));
    const files = Object.entries(kind.files({ folder: this.folder, port }));
    for (const [name, text] of files) writeFileSync(join(this.folder, name), text, { mode: 0o600 });
    const { owner } = runAs;
    if (owner !== undefined) {
      const names = [...files.map(([name]) => name), 'run', '.'];
      for (const name of names) chownSync(join(this.folder, name), owner.uid, owner.gid);
    }
    this.#program = BackgroundProgram.start({ runAs, program, args: kind.args(this.folder) });
  }

  static async start(cluster: Cluster, kind: PoolerKind): Promise<PoolerProcess> {
    const pooler = new PoolerProcess(cluster, kind, await freePort());
    await pooler.#ready();
    return pooler;
  }

  /** A database of the cluster, through the pooler, as the cluster's superuser. */
  connectionString(database: string, query = ''): string {
    const url = new URL(this.#cluster.connectionString(database));
    url.port = String(this.port);
    return `${url.href}${query === '' ? '' : `?${query}`}`;
  }

  /** Starts it again on the same port, and waits until it takes connections. */
  async start(): Promise<void> {
    this.#program.restart();
    await this.#ready();
  }

  /** Ends it without warning: its connections on both sides are cut. */
  kill(): Promise<void> {
    return this.#program.killAll();
  }

  async stop(): Promise<void> {
    await this.kill();
    rmSync(this.folder, { recursive: true, force: true });
  }

  async #ready(): Promise<void> {
    const deadline = performance.now() + START_LIMIT_MS;
    while (!(await this.#takesConnections())) {
      if (this.#program.isRunning && performance.now() < deadline) await delay(20);
      else throw new Error(`the pooler does not start: ${this.#program.output}`);
    }
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
}

const PAGE = new URL('../../../../docs/storage/poolers.md', import.meta.url);

/**
 * The configuration of the documentation, with some values replaced. The
 * tests run the documented settings.
 *
 * @param file the name in the first line of the example.
 * @throws Error when the example does not contain one of the values.
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

import { setTimeout as delay } from 'node:timers/promises';
import { atExit, childrenOf, freePort, type RunAs, signal } from '@querator/tooling-processes';
import { binariesIn, type PostgresBinaries, postgresBinaries } from './binaries.ts';
import { type DataFolder, makeHome, openDataFolder, prepareCluster } from './data-folder.ts';
import { takeOwnership } from './owner-lock.ts';
import {
  allGone,
  continueAll,
  findLeftBehind,
  killAll,
  launch,
  type Postmaster,
  StartError,
  shutDown,
  stopAll,
} from './postmaster.ts';

/** The options of `startCluster`. */
export interface ClusterOptions {
  /** Folder of the cluster; created if missing, kept between runs. */
  readonly dataDir: string;
  /** Port on 127.0.0.1; any free one by default. */
  readonly port?: number;
  /** Server settings, as in postgresql.conf. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Name of the superuser; `postgres` by default. Only the first start uses it. */
  readonly user?: string;
  /** Major version; that of the dependencies by default. npm downloads the others. */
  readonly version?: number;
  /** Folder of other server programs, such as those of Debian's packages. */
  readonly programs?: string;
  readonly startTimeoutMs?: number;
  /** Called when PostgreSQL ends unexpectedly. */
  readonly onUnexpectedEnd?: () => void;
}

/** One PostgreSQL server, from the binaries of the npm package. */
export interface Cluster {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly dataDir: string;
  /** Process id of the postmaster; undefined while it does not run. */
  readonly pid: number | undefined;
  /** Whether the server was already running, left by a killed owner. */
  readonly adopted: boolean;
  connectionString(database?: string): string;
  /** Stops the server with a fast shutdown and releases the data folder. */
  stop(): Promise<void>;
  /** Stops the server with a fast shutdown, which ends its sessions. `start` starts it again. */
  halt(): Promise<void>;
  /** Kills all processes of the server at once. `start` starts it again, with recovery. */
  crash(): Promise<void>;
  /** Starts a halted or crashed server again, on the same port. */
  start(): Promise<void>;
  /** Freezes the server: connections stay open, nothing answers. */
  pause(): void;
  /** Ends a `pause`. */
  resume(): void;
}

const START_TIMEOUT_MS = 60_000;
/** Other programs may take the port, or a crashed server's last process may linger. */
const START_ATTEMPTS = 12;
const PORT_TAKEN = /Address already in use|could not create any TCP\/IP sockets/;
const STILL_DYING = /pre-existing shared memory block|lock file "postmaster.pid" already exists/;

class EmbeddedCluster implements Cluster {
  readonly host = '127.0.0.1';
  readonly #folder: DataFolder;
  readonly #binaries: PostgresBinaries;
  readonly #options: ClusterOptions;
  readonly #release: () => void;
  #port: number;
  #postmaster: Postmaster | undefined;
  #runAs: RunAs | undefined;
  #paused: number[] = [];
  #forgetExit: () => void = () => {};

  constructor(folder: DataFolder, binaries: PostgresBinaries, options: ClusterOptions, release: () => void) {
    this.#folder = folder;
    this.#binaries = binaries;
    this.#options = options;
    this.#release = release;
    this.#port = options.port ?? 0;
  }

  get port(): number {
    return this.#port;
  }

  get user(): string {
    return this.#folder.user;
  }

  get dataDir(): string {
    return this.#folder.home;
  }

  get pid(): number | undefined {
    return this.#postmaster?.pid;
  }

  get adopted(): boolean {
    return this.#postmaster?.adopted ?? false;
  }

  connectionString(database = 'postgres'): string {
    const { user, password } = this.#folder;
    return `postgres://${encodeURIComponent(user)}:${password}@${this.host}:${this.port}/${encodeURIComponent(database)}`;
  }

  async start(): Promise<void> {
    if (this.#postmaster !== undefined) return;
    const found = await findLeftBehind(this.#folder.pgdata, this.#startTimeout);
    const postmaster = found ?? (await this.#launch());
    this.#port = postmaster.port;
    this.#postmaster = postmaster;
    this.#forgetExit = atExit(() => signal(postmaster.pid, 'SIGINT'));
    void postmaster.ended.then(() => {
      if (this.#postmaster !== postmaster) return;
      this.#down();
      this.#options.onUnexpectedEnd?.();
    });
  }

  async halt(): Promise<void> {
    const postmaster = this.#postmaster;
    if (postmaster === undefined) return;
    this.resume();
    this.#down();
    await shutDown(postmaster);
  }

  async stop(): Promise<void> {
    await this.halt();
    this.#release();
  }

  async crash(): Promise<void> {
    const postmaster = this.#postmaster;
    if (postmaster === undefined) return;
    this.#down();
    const family = [postmaster.pid, ...childrenOf(postmaster.pid)];
    killAll(postmaster.pid);
    await Promise.all([postmaster.ended, allGone(family)]);
  }

  pause(): void {
    if (this.#postmaster === undefined) throw new Error('PostgreSQL is not running.');
    this.#paused = stopAll(this.#postmaster.pid);
  }

  resume(): void {
    continueAll(this.#paused);
    this.#paused = [];
  }

  get #startTimeout(): number {
    return this.#options.startTimeoutMs ?? START_TIMEOUT_MS;
  }

  /** Whether the next attempt, possibly on another port, may succeed. */
  #mayPass(error: unknown): boolean {
    if (!(error instanceof StartError)) return false;
    if (STILL_DYING.test(error.message)) return true;
    return PORT_TAKEN.test(error.message) && this.#options.port === undefined;
  }

  #down(): void {
    this.#postmaster = undefined;
    this.#paused = [];
    this.#forgetExit();
  }

  async #launch(): Promise<Postmaster> {
    const settings = this.#options.settings ?? {};
    this.#runAs ??= prepareCluster(this.#folder, this.#binaries);
    for (let attempt = 1; ; attempt++) {
      const port = this.#port || (await freePort());
      try {
        return await launch(this.#folder, this.#binaries, {
          ...{ runAs: this.#runAs, port, settings },
          timeoutMs: this.#startTimeout,
        });
      } catch (error) {
        if (attempt === START_ATTEMPTS || !this.#mayPass(error)) throw error;
        await delay(50 * attempt);
      }
    }
  }
}

/** Starts PostgreSQL on a data folder; shared with temporary clusters. */
export async function openCluster(options: ClusterOptions, temporary: boolean): Promise<Cluster> {
  const { programs, version } = options;
  const binaries = programs === undefined ? postgresBinaries(version) : binariesIn(programs);
  const home = makeHome(options.dataDir);
  const release = takeOwnership(`${home}/owner.json`, home);
  try {
    const folder = openDataFolder({ home, user: options.user ?? 'postgres', temporary });
    const cluster = new EmbeddedCluster(folder, binaries, options, release);
    await cluster.start();
    return cluster;
  } catch (error) {
    release();
    throw error;
  }
}

/**
 * Starts a PostgreSQL whose data stay in `dataDir` between runs. It takes over a
 * server that an earlier owner left running on the same data.
 */
export function startCluster(options: ClusterOptions): Promise<Cluster> {
  return openCluster(options, false);
}

import { randomBytes } from 'node:crypto';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import {
  atExit,
  BackgroundProgram,
  canRun,
  chooseRunAs,
  command,
  freePorts,
  mustRun,
  type RunAs,
} from '@querator/tooling-processes';
import pg from 'pg';
import { patroniPrograms, postgresServerTools } from '../debian-tools.ts';
import { PatroniNode } from './patroni-node.ts';
import { type ClusterSettings, haproxySettings, SCOPE } from './patroni-settings.ts';

const NODES = 3;
/** The longest time in which a node copies its data again on a busy machine. */
const TIME_LIMIT_MS = 120_000;
const POLL_MS = 100;
/** Under load a standby always lags a little, in Patroni's last record. */
const LAG_BYTES = 2_000_000;
const STOP_LIMIT_MS = 5_000;
const USER = 'postgres';

/** A member of the cluster, as Patroni's REST API shows it. */
interface Member {
  readonly name: string;
  /** `leader`, `sync_standby` or `replica`. */
  readonly role: string;
  readonly state: string;
  readonly timeline?: number;
  readonly lag?: number | string;
}

/** Three nodes under Patroni in synchronous mode, with an etcd and an HAProxy that routes to the primary. */
export class PatroniCluster {
  readonly nodes: readonly PatroniNode[];
  readonly #folder: string;
  readonly #settings: ClusterSettings;
  readonly #runAs: RunAs;
  readonly #programs: ReturnType<typeof patroniPrograms>;
  readonly #proxyPort: number;
  readonly #others: readonly BackgroundProgram[];
  #forgetExit: () => void = () => {};

  private constructor(parts: {
    readonly nodes: readonly PatroniNode[];
    readonly folder: string;
    readonly settings: ClusterSettings;
    readonly runAs: RunAs;
    readonly programs: ReturnType<typeof patroniPrograms>;
    readonly proxyPort: number;
    readonly others: readonly BackgroundProgram[];
  }) {
    this.nodes = parts.nodes;
    this.#folder = parts.folder;
    this.#settings = parts.settings;
    this.#runAs = parts.runAs;
    this.#programs = parts.programs;
    this.#proxyPort = parts.proxyPort;
    this.#others = parts.others;
  }

  /** Starts everything. @throws Error that names what is missing or does not start. */
  static async start(): Promise<PatroniCluster> {
    const programs = patroniPrograms();
    const postgres = postgresServerTools().folder;
    const folder = makeFolder();
    const runAs = chooseRunAs((as) => canUse(as, join(postgres, 'postgres'), folder));
    if (runAs.owner !== undefined) chownSync(folder, runAs.owner.uid, runAs.owner.gid);
    const [etcdPort, peerPort, proxyPort, ...ports] = await freePorts(3 + 2 * NODES);
    const places = Array.from({ length: NODES }, (_, n) => ({
      name: `node${n + 1}`,
      folder: join(folder, `node${n + 1}`),
      port: ports[2 * n] as number,
      restPort: ports[2 * n + 1] as number,
    }));
    const settings = {
      etcdPort: etcdPort as number,
      programs: postgres,
      user: USER,
      password: randomBytes(16).toString('hex'),
    };
    const etcd = startEtcd(programs.etcd, runAs, folder, {
      client: etcdPort as number,
      peer: peerPort as number,
    });
    const haproxyFile = join(folder, 'haproxy.cfg');
    writeFileSync(haproxyFile, haproxySettings(proxyPort as number, places), { mode: 0o644 });
    const haproxy = BackgroundProgram.start({
      ...{ runAs, program: programs.haproxy, args: ['-db', '-f', haproxyFile] },
    });
    const nodes: PatroniNode[] = [];
    const cluster = new PatroniCluster({
      ...{ nodes, folder, settings, runAs, programs },
      ...{ proxyPort: proxyPort as number, others: [etcd, haproxy] },
    });
    try {
      await cluster.#until('etcd answers', async () => {
        const answer = await fetch(`http://127.0.0.1:${etcdPort}/health`);
        return answer.ok && (await answer.text()).includes('true');
      });
      for (const place of places) {
        nodes.push(new PatroniNode(programs.patroni, runAs, place, settings));
        // The first node creates the database, the others copy it.
        if (nodes.length === 1) await cluster.leader();
      }
      // Registered after the clean-ups of the programs, so that it runs after them.
      cluster.#forgetExit = atExit(() => rmSync(folder, { recursive: true, force: true }));
      await cluster.settled();
      return cluster;
    } catch (error) {
      await cluster.stop();
      throw error;
    }
  }

  /** The connection strings of the nodes, in their order. */
  get servers(): readonly string[] {
    return this.nodes.map(({ place }) => this.#connectionString(place.port));
  }

  /** The connection string of HAProxy, which routes to the primary. */
  get proxied(): string {
    return this.#connectionString(this.#proxyPort);
  }

  /** The leader. Waits until there is one, other than the given node. */
  async leader(otherThan?: PatroniNode): Promise<PatroniNode> {
    let found: PatroniNode | undefined;
    await this.#until('a node leads', async () => {
      const leading = await Promise.all(
        this.nodes
          .filter((node) => node !== otherThan)
          .map(async (node) => ((await leads(node)) ? node : undefined)),
      );
      found = leading.find((node) => node !== undefined);
      return found !== undefined;
    });
    return found as PatroniNode;
  }

  /** A planned change of the leader, with patronictl. */
  async switchOver(): Promise<void> {
    const leader = await this.leader();
    const members = await this.#members(leader);
    const candidate = members.find(({ role }) => role === 'sync_standby')?.name;
    if (candidate === undefined) throw new Error('no standby is synchronous');
    const { file, args, options } = command(this.#runAs, this.#programs.patronictl, [
      ...['-c', leader.configFile, 'switchover', SCOPE, '--master', leader.place.name],
      ...['--candidate', candidate, '--force'],
    ]);
    await mustRun(file, args, options);
    await this.leader(leader);
  }

  /**
   * Waits until all nodes are up, the standbys follow the leader, one of them is
   * synchronous, and HAProxy routes to the leader.
   */
  async settled(): Promise<void> {
    await this.#until('all nodes are up and follow the leader', async () => {
      const leader = await this.leader();
      const members = await this.#members(leader);
      const [first] = members;
      return (
        members.length === NODES &&
        members.filter(({ role }) => role === 'leader').length === 1 &&
        members.some(({ role }) => role === 'sync_standby') &&
        members.every(({ state }) => state === 'running' || state === 'streaming') &&
        members.every(({ timeline }) => timeline === first?.timeline) &&
        members.every(
          ({ role, lag }) => role === 'leader' || (typeof lag === 'number' && lag <= LAG_BYTES),
        ) &&
        (await this.#streams(leader)) &&
        (await takesWrites(this.proxied))
      );
    });
  }

  /** Stops everything and removes its files. */
  async stop(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.stop()));
    await Promise.all(this.#others.map((program) => program.stop(STOP_LIMIT_MS)));
    this.#forgetExit();
    await rm(this.#folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
  }

  #connectionString(port: number): string {
    return `postgres://${USER}:${this.#settings.password}@127.0.0.1:${port}/postgres`;
  }

  async #members({ place }: PatroniNode): Promise<readonly Member[]> {
    const answer = await fetch(`http://127.0.0.1:${place.restPort}/cluster`, {
      signal: AbortSignal.timeout(1_000),
    });
    return ((await answer.json()) as { readonly members: readonly Member[] }).members;
  }

  async #streams({ place }: PatroniNode): Promise<boolean> {
    const rows = await ask(
      this.#connectionString(place.port),
      "SELECT sync_state FROM pg_stat_replication WHERE state = 'streaming'",
    );
    return rows.length === NODES - 1 && rows.some(({ sync_state }) => sync_state === 'sync');
  }

  /** Waits for a condition. An error means that it is not true yet. */
  async #until(what: string, condition: () => Promise<boolean>): Promise<void> {
    const end = performance.now() + TIME_LIMIT_MS;
    for (let last: unknown; ; await delay(POLL_MS)) {
      try {
        if (await condition()) return;
      } catch (error) {
        last = error;
      }
      if (performance.now() > end) {
        const logs = [...this.#others.map(({ output }) => output), ...this.nodes.map(({ log }) => log)];
        const tails = logs.map((log) => log.slice(-3_000)).join('\n----\n');
        throw new Error(`waited for ${TIME_LIMIT_MS / 1_000} s, and it is not so: ${what}\n${tails}`, {
          cause: last,
        });
      }
    }
  }
}

async function leads({ place }: PatroniNode): Promise<boolean> {
  try {
    const signal = AbortSignal.timeout(1_000);
    return (await fetch(`http://127.0.0.1:${place.restPort}/primary`, { signal })).status === 200;
  } catch {
    return false;
  }
}

async function takesWrites(connectionString: string): Promise<boolean> {
  const [row] = await ask(connectionString, 'SELECT pg_is_in_recovery() AS standby');
  return row?.['standby'] === false;
}

async function ask(connectionString: string, text: string): Promise<readonly Record<string, unknown>[]> {
  const client = new pg.Client({
    connectionString,
    application_name: 'operator',
    connectionTimeoutMillis: 2_000,
  });
  client.on('error', () => {});
  await client.connect();
  try {
    return (await client.query(text)).rows;
  } finally {
    await client.end().catch(() => {});
  }
}

function startEtcd(
  program: string,
  runAs: RunAs,
  folder: string,
  { client, peer }: { readonly client: number; readonly peer: number },
): BackgroundProgram {
  const [clients, peers] = [client, peer].map((port) => `http://127.0.0.1:${port}`);
  return BackgroundProgram.start({
    ...{ runAs, program },
    args: [
      ...['--name', 'etcd1', '--data-dir', join(folder, 'etcd'), '--log-level', 'warn'],
      ...['--listen-client-urls', clients as string, '--advertise-client-urls', clients as string],
      ...['--listen-peer-urls', peers as string, '--initial-advertise-peer-urls', peers as string],
      ...['--initial-cluster', `etcd1=${peers}`],
      // Its data do not outlive the run, and it shares its disk with three databases.
      '--unsafe-no-fsync',
    ],
  });
}

function makeFolder(): string {
  const folder = mkdtempSync(join(realpathSync(tmpdir()), 'querator-patroni-'));
  chmodSync(folder, 0o711);
  mkdirSync(join(folder, 'probe'));
  return folder;
}

function canUse(as: RunAs, program: string, folder: string): boolean {
  if (as.owner !== undefined) chownSync(join(folder, 'probe'), as.owner.uid, as.owner.gid);
  const script = '"$1" --version && test -w "$2"';
  return canRun(as, '/bin/sh', ['-c', script, 'sh', program, join(folder, 'probe')]);
}

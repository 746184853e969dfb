import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';

/** PostgreSQL's programs that only Debian's packages have. */
export interface PostgresTools {
  /** Their folder. */
  readonly folder: string;
  /** Their major version: client programs work with servers up to it. */
  readonly version: number;
}

/** A set of programs, and their packages. */
interface Kit {
  readonly programs: readonly string[];
  readonly packages: readonly string[];
}

const CLIENT: Kit = {
  programs: ['pg_dump', 'pg_restore', 'pg_basebackup', 'psql'],
  packages: ['postgresql-client'],
};
const SERVER: Kit = {
  programs: ['postgres', 'initdb', 'pg_ctl', 'pg_rewind', 'pg_basebackup'],
  packages: ['postgresql'],
};
/** The programs of poolers, and their packages. */
const POOLERS = { pgbouncer: 'pgbouncer', pgpool: 'pgpool2' } as const;

/** The programs of a cluster under Patroni, and their packages. */
const PATRONI: Kit = {
  programs: ['patroni', 'patronictl', 'etcd', 'haproxy'],
  packages: ['patroni', 'etcd-server', 'haproxy'],
};

/** The program of Redis, and its package. */
const REDIS: Kit = { programs: ['redis-server'], packages: ['redis-server'] };

/** The program that tests alert rules, and its package. */
const PROMTOOL: Kit = { programs: ['promtool'], packages: ['prometheus'] };

const DEBIAN_FOLDER = '/usr/lib/postgresql';
/** The package's scripts read it during the installation. */
const CLUSTER_SETTINGS = '/etc/postgresql-common/createcluster.d';

/** The newest installed programs. */
function find({ programs }: Kit): PostgresTools | undefined {
  const debian = existsSync(DEBIAN_FOLDER) ? readdirSync(DEBIAN_FOLDER) : [];
  const folders = [
    ...debian.map((version) => join(DEBIAN_FOLDER, version, 'bin')),
    ...(process.env['PATH'] ?? '').split(':').filter((folder) => folder !== ''),
  ];
  const found = folders.flatMap((folder) => {
    if (!programs.every((name) => existsSync(join(folder, name)))) return [];
    // "pg_dump (PostgreSQL) 15.18 (Debian …)"
    const { stdout } = spawnSync(join(folder, programs[0] ?? ''), ['--version'], { encoding: 'utf8' });
    const version = Number.parseInt(/\(PostgreSQL\) (\d+)/.exec(stdout ?? '')?.[1] ?? '', 10);
    return Number.isInteger(version) ? [{ folder, version }] : [];
  });
  return found.sort((a, b) => b.version - a.version)[0];
}

/**
 * Finds programs, and installs them from Debian's packages if possible.
 *
 * @param look finds the programs if they exist.
 */
function obtain<T>(kit: Kit, look: () => T | undefined, install = () => installPackage(kit)): T {
  let found = look();
  if (found === undefined && process.getuid?.() === 0 && existsSync('/usr/bin/apt-get')) {
    process.stdout.write(`Installing ${kit.packages.join(', ')}.\n`);
    apt(['update', '-qq']);
    install();
    found = look();
  }
  if (found !== undefined) return found;
  throw new Error(
    `Missing: ${kit.programs.join(', ')}. Debian and its like have it in ` +
      `${kit.packages.length === 1 ? 'the package' : 'the packages'} ${kit.packages.join(', ')}; ` +
      'as root this would have installed it.',
  );
}

/**
 * The client programs.
 *
 * @throws Error that names what is missing.
 */
export function postgresTools(): PostgresTools {
  return obtain(CLIENT, () => find(CLIENT));
}

/**
 * The programs of a server, and its tools.
 *
 * @throws Error that names what is missing.
 */
export function postgresServerTools(): PostgresTools {
  return obtain(SERVER, () => find(SERVER), installServer);
}

/**
 * The path of a pooler's program.
 *
 * @throws Error that names what is missing.
 */
export function poolerProgram(name: keyof typeof POOLERS): string {
  return obtain({ programs: [name], packages: [POOLERS[name]] }, () => pathOf(name));
}

/**
 * The paths of the programs of a cluster under Patroni.
 *
 * @throws Error that names what is missing.
 */
export function patroniPrograms() {
  const look = () => {
    const [patroni, patronictl, etcd, haproxy] = PATRONI.programs.map(pathOf);
    if (patroni === undefined || patronictl === undefined) return undefined;
    return etcd === undefined || haproxy === undefined ? undefined : { patroni, patronictl, etcd, haproxy };
  };
  return obtain(PATRONI, look);
}

/**
 * The path of Redis, which other job queues keep their jobs in.
 *
 * @throws Error that names what is missing.
 */
export function redisProgram(): string {
  return obtain(REDIS, () => pathOf('redis-server'));
}

/**
 * The path of Prometheus' program that tests alert rules.
 *
 * @throws Error that names what is missing.
 */
export function promtoolProgram(): string {
  return obtain(PROMTOOL, () => pathOf('promtool'));
}

/** The path of a program that does not belong to a version of PostgreSQL. */
function pathOf(name: string): string | undefined {
  const folders = ['/usr/sbin', ...(process.env['PATH'] ?? '').split(':')].filter((folder) => folder !== '');
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path));
}

/** Installs the server without the database that its package creates and starts by default. */
function installServer(): void {
  mkdirSync(CLUSTER_SETTINGS, { recursive: true });
  const settings = join(CLUSTER_SETTINGS, 'querator.conf');
  writeFileSync(settings, 'create_main_cluster = false\n');
  try {
    installPackage(SERVER);
  } finally {
    rmSync(settings, { force: true });
  }
}

function installPackage(kit: Kit): void {
  apt(['install', '-y', '-qq', '--no-install-recommends', ...kit.packages]);
}

/**
 * Runs apt-get without questions.
 *
 * @throws Error with its output when it fails.
 */
export function apt(args: readonly string[]): void {
  // RUNLEVEL: do not start the services of packages.
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };
  // Another process may be installing packages.
  const patient = ['-o', 'DPkg::Lock::Timeout=300', ...args];
  const { status, stderr } = spawnSync('apt-get', patient, { encoding: 'utf8', env });
  if (status !== 0) throw new Error(`apt-get ${args.join(' ')} failed: ${stderr}`);
}

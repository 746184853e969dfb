import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';

/** PostgreSQL's programs from Debian's packages: those that the npm packages do not have. */
export interface PostgresTools {
  /** The folder they lie in. */
  readonly folder: string;
  /** Their major version: client programs work with servers up to it. */
  readonly version: number;
}

/** Programs that belong together, and the packages that have them. */
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
/** Poolers' programs, and the packages that have them. */
const POOLERS = { pgbouncer: 'pgbouncer', pgpool: 'pgpool2' } as const;

/** What a cluster under Patroni takes, and the packages that have it. */
const PATRONI: Kit = {
  programs: ['patroni', 'patronictl', 'etcd', 'haproxy'],
  packages: ['patroni', 'etcd-server', 'haproxy'],
};

const DEBIAN_FOLDER = '/usr/lib/postgresql';
/** Read by the package's own scripts when it is installed. */
const CLUSTER_SETTINGS = '/etc/postgresql-common/createcluster.d';

/** The newest of the programs that are installed. */
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
 * Programs, installed from Debian's packages where that is possible.
 *
 * @param look finds them, if they are there.
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
 * @throws Error that says what is missing.
 */
export function postgresTools(): PostgresTools {
  return obtain(CLIENT, () => find(CLIENT));
}

/**
 * The programs of a server, and those that go with one.
 *
 * @throws Error that says what is missing.
 */
export function postgresServerTools(): PostgresTools {
  return obtain(SERVER, () => find(SERVER), installServer);
}

/**
 * The path of a pooler's program.
 *
 * @throws Error that says what is missing.
 */
export function poolerProgram(name: keyof typeof POOLERS): string {
  return obtain({ programs: [name], packages: [POOLERS[name]] }, () => pathOf(name));
}

/**
 * The paths of Patroni's programs and of what it works with.
 *
 * @throws Error that says what is missing.
 */
export function patroniPrograms() {
  const look = () => {
    const [patroni, patronictl, etcd, haproxy] = PATRONI.programs.map(pathOf);
    if (patroni === undefined || patronictl === undefined) return undefined;
    return etcd === undefined || haproxy === undefined ? undefined : { patroni, patronictl, etcd, haproxy };
  };
  return obtain(PATRONI, look);
}

/** Where a program lies that belongs to no version of PostgreSQL. */
function pathOf(name: string): string | undefined {
  const folders = ['/usr/sbin', ...(process.env['PATH'] ?? '').split(':')].filter((folder) => folder !== '');
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path));
}

/** Without the database that the package makes and starts otherwise. */
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
 * Runs apt-get, without questions.
 *
 * @throws Error with what it printed, when it fails.
 */
export function apt(args: readonly string[]): void {
  // RUNLEVEL: a service that comes with a package is not started.
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };
  // Others may be installing something on this machine.
  const patient = ['-o', 'DPkg::Lock::Timeout=300', ...args];
  const { status, stderr } = spawnSync('apt-get', patient, { encoding: 'utf8', env });
  if (status !== 0) throw new Error(`apt-get ${args.join(' ')} failed: ${stderr}`);
}

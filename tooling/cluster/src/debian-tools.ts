import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';

/** PostgreSQL's client programs, which the npm packages do not have. */
export interface PostgresTools {
  /** The folder they lie in. */
  readonly folder: string;
  /** Their major version: they work with servers up to it. */
  readonly version: number;
}

const NEEDED = ['pg_dump', 'pg_restore', 'pg_basebackup', 'psql'];
const DEBIAN_FOLDER = '/usr/lib/postgresql';
const PACKAGE = 'postgresql-client';

/** The newest of the client programs that are installed. */
function findTools(): PostgresTools | undefined {
  const debian = existsSync(DEBIAN_FOLDER) ? readdirSync(DEBIAN_FOLDER) : [];
  const folders = [
    ...debian.map((version) => join(DEBIAN_FOLDER, version, 'bin')),
    ...(process.env['PATH'] ?? '').split(':').filter((folder) => folder !== ''),
  ];
  const found = folders.flatMap((folder) => {
    if (!NEEDED.every((name) => existsSync(join(folder, name)))) return [];
    // "pg_dump (PostgreSQL) 15.18 (Debian …)"
    const { stdout } = spawnSync(join(folder, 'pg_dump'), ['--version'], { encoding: 'utf8' });
    const version = Number.parseInt(/\(PostgreSQL\) (\d+)/.exec(stdout ?? '')?.[1] ?? '', 10);
    return Number.isInteger(version) ? [{ folder, version }] : [];
  });
  return found.sort((a, b) => b.version - a.version)[0];
}

/**
 * The client programs, installed from Debian's packages where that is possible.
 *
 * @throws Error that says what is missing.
 */
export function postgresTools(): PostgresTools {
  return findOrInstall(findTools, NEEDED.join(', '), PACKAGE);
}

const POOLERS = { pgbouncer: 'pgbouncer', pgpool: 'pgpool2' } as const;

/**
 * The path of a pooler's program, installed as the client programs are.
 *
 * @throws Error that says what is missing.
 */
export function poolerProgram(name: keyof typeof POOLERS): string {
  const folders = ['/usr/sbin', ...(process.env['PATH'] ?? '').split(':')].filter((folder) => folder !== '');
  const find = () => folders.map((folder) => join(folder, name)).find((path) => existsSync(path));
  return findOrInstall(find, name, POOLERS[name]);
}

function findOrInstall<T>(find: () => T | undefined, what: string, debianPackage: string): T {
  let found = find();
  if (found === undefined && process.getuid?.() === 0 && existsSync('/usr/bin/apt-get')) {
    process.stdout.write(`Installing ${debianPackage}.\n`);
    apt(['update', '-qq']);
    apt(['install', '-y', '-qq', '--no-install-recommends', debianPackage]);
    found = find();
  }
  if (found !== undefined) return found;
  throw new Error(
    `Missing: ${what}. Debian and its like have it in the package ${debianPackage}; ` +
      'as root this would have installed it.',
  );
}

function apt(args: readonly string[]): void {
  // RUNLEVEL: a service that comes with a package is not started.
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };
  const { status, stderr } = spawnSync('apt-get', ['-o', 'DPkg::Lock::Timeout=300', ...args], {
    encoding: 'utf8',
    env,
  });
  if (status !== 0) throw new Error(`apt-get ${args.join(' ')} failed: ${stderr}`);
}

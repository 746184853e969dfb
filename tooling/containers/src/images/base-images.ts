import { cpSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { INSTALLED_VERSION, postgresBinaries } from '@querator/tooling-postgres';
import { mustRun } from '@querator/tooling-processes';
import { DEBIAN, type Engine } from '../engine/engine.ts';
import { cache, root } from '../repository.ts';

/** The versions of compose.yaml and of the tests in a container. */
const POSTGRES_VERSIONS = [17, INSTALLED_VERSION];
/** The major version of Node 24. */
const NPM_VERSION = 11;
const OWN_FILES = join(root, 'tooling/containers/images');

/**
 * Builds `node:24-slim`, `postgres:17` and `postgres:18`, as far as our files and
 * tests use them, from Debian and programs from npm.
 */
export async function buildBaseImages(engine: Engine): Promise<void> {
  await buildNode(engine);
  for (const version of POSTGRES_VERSIONS) await buildPostgres(engine, version);
}

async function buildNode(engine: Engine): Promise<void> {
  await build(engine, 'node:24-slim', 'node', {
    node: join(root, 'node_modules/node/bin/node'),
    npm: await npmPackage(),
  });
}

/** The folder of a complete npm package, since a distribution may split that of this machine. */
async function npmPackage(): Promise<string> {
  const home = join(cache, `npm-${NPM_VERSION}`);
  const folder = join(home, 'node_modules/npm');
  if (existsSync(folder)) return folder;
  const draft = `${home}.draft`;
  rmSync(draft, { recursive: true, force: true });
  const quiet = ['--no-save', '--no-audit', '--no-fund', '--no-update-notifier', '--loglevel=error'];
  await mustRun('npm', ['install', '--prefix', draft, ...quiet, `npm@${NPM_VERSION}`]);
  renameSync(draft, home);
  return folder;
}

async function buildPostgres(engine: Engine, version: number): Promise<void> {
  const programs = dirname(dirname(postgresBinaries(version).initdb));
  await build(engine, `postgres:${version}`, 'postgres', { pgsql: programs });
}

/** Builds an image from a folder of this package and other files. */
async function build(
  engine: Engine,
  name: string,
  folder: string,
  files: Readonly<Record<string, string>>,
): Promise<void> {
  const context = join(engine.folder, 'context');
  mkdirSync(context, { recursive: true });
  try {
    const own = join(OWN_FILES, folder);
    for (const file of readdirSync(own)) cpSync(join(own, file), join(context, file));
    for (const [to, from] of Object.entries(files)) {
      cpSync(from, join(context, to), { recursive: true, verbatimSymlinks: true });
    }
    const flags = ['--quiet', '--format=docker', '--layers=false', `--build-arg=DEBIAN=${DEBIAN}`];
    await engine.podman('build', ...flags, '--tag', `docker.io/library/${name}`, context);
  } finally {
    rmSync(context, { recursive: true, force: true });
  }
}

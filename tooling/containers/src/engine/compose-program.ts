import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { apt } from '@querator/tooling-postgres/debian';
import { CannotRunHere, lastLine } from '../cannot-run-here.ts';
import { cache } from '../repository.ts';
import { debianMirror } from './debian-mirror.ts';

/** The first release of Debian with Compose 2, which our file needs. */
const RELEASE = 'trixie';
const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';
const PROGRAM = 'usr/libexec/docker/cli-plugins/docker-compose';

/** Whether a program is Compose, version 2 or later. */
function isCompose(program: string): boolean {
  const { status, stdout } = spawnSync(program, ['version', '--short'], { encoding: 'utf8' });
  return status === 0 && Number.parseInt(stdout.replace(/^v/, ''), 10) >= 2;
}

/**
 * The path of Compose, version 2 or later: that of the machine, otherwise that of
 * Debian's package, which is unpacked into `.tools` and not installed.
 *
 * @throws CannotRunHere when neither exists.
 */
export function composeProgram(): string {
  const folder = join(cache, `compose-${RELEASE}`);
  const program = join(folder, PROGRAM);
  const found = ['docker-compose', program].find(isCompose);
  if (found !== undefined) return found;
  const draft = `${folder}.draft`;
  rmSync(draft, { recursive: true, force: true });
  rmSync(folder, { recursive: true, force: true });
  try {
    unpackPackage(draft);
    renameSync(draft, folder);
  } catch (error) {
    throw new CannotRunHere(lastLine(String(error)));
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
  if (!existsSync(program) || !isCompose(program)) {
    throw new CannotRunHere(`Debian's docker-compose of ${RELEASE} does not run on this machine`);
  }
  return program;
}

/** Downloads the package with separate lists, so that the machine's apt does not see another release. */
function unpackPackage(folder: string): void {
  for (const name of ['lists/partial', 'cache/archives/partial']) {
    mkdirSync(join(folder, 'apt', name), { recursive: true });
  }
  const sources = join(folder, 'apt', 'sources.list');
  writeFileSync(sources, `deb [signed-by=${KEYRING}] ${debianMirror()} ${RELEASE} main\n`);
  const settings = {
    'Dir::Etc::SourceList': sources,
    'Dir::Etc::SourceParts': '-',
    'Dir::State::Lists': join(folder, 'apt', 'lists'),
    'Dir::Cache': join(folder, 'apt', 'cache'),
    // The folder belongs to root, and apt's account cannot write there.
    'APT::Sandbox::User': 'root',
  };
  const options = Object.entries(settings).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
  apt([...options, 'update', '-qq']);
  apt([...options, 'install', '-y', '-qq', '--download-only', '--no-install-recommends', 'docker-compose']);
  const archives = join(folder, 'apt', 'cache', 'archives');
  const file = readdirSync(archives).find((name) => name.startsWith('docker-compose_'));
  if (file === undefined) throw new Error('apt did not bring the package docker-compose');
  const { status, stderr } = spawnSync('dpkg', ['-x', join(archives, file), folder], { encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
  rmSync(join(folder, 'apt'), { recursive: true, force: true });
}

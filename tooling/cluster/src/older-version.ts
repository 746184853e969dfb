import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { root } from './repository.ts';

/** An older Querator, from which a rolling upgrade starts. */
export interface OlderVersion {
  readonly commit: string;
  /** The name in the output. */
  readonly name: string;
  /** At shutdown it closes idle connections, even those with a request in transit. */
  readonly losesConnections: boolean;
  /** Moves dead items like the current version, so that both may do it at the same time. */
  readonly sameLetters: boolean;
  /** Has change notifications, by which a newer server notices it. */
  readonly notifies: boolean;
}

export const OLDER_VERSIONS: readonly OlderVersion[] = [
  {
    ...{ commit: '71942dd027', name: 'the last one before instances told each other anything' },
    ...{ losesConnections: true, sameLetters: false, notifies: false },
  },
  {
    ...{ commit: '8d10ac5b8d', name: 'that of 27 November 2026' },
    ...{ losesConnections: false, sameLetters: true, notifies: true },
  },
  {
    ...{ commit: 'ff22f5fdc1', name: 'the last one whose servers keep no record of themselves' },
    ...{ losesConnections: false, sameLetters: true, notifies: true },
  },
];

/** The folder of downloads for tests. */
const folderOf = ({ commit }: OlderVersion) => join(root, '.tools', `querator-${commit}`);

/** Returns why an older version is missing, or undefined. */
export function whyNoOlderVersion(): string | undefined {
  for (const { commit } of OLDER_VERSIONS) {
    try {
      execFileSync('git', ['cat-file', '-e', `${commit}^{commit}`], { cwd: root, stdio: 'ignore' });
    } catch {
      return `the commit ${commit} is not in this clone; fetch the whole history: git fetch --unshallow`;
    }
  }
  return undefined;
}

/**
 * Checks an older version out of this clone's history and installs its
 * dependencies, unless it exists.
 *
 * @returns the file of its server program.
 */
export function olderVersion(version: OlderVersion): string {
  const folder = folderOf(version);
  const main = join(folder, 'apps/server/src/main.ts');
  if (existsSync(join(folder, 'node_modules'))) return main;
  if (!existsSync(folder)) {
    execFileSync('git', ['clone', '--quiet', '--no-checkout', root, folder]);
    execFileSync('git', ['checkout', '--quiet', '--detach', version.commit], { cwd: folder });
  }
  execFileSync(process.execPath, ['tooling/bootstrap/run.mjs', 'install'], { cwd: folder, stdio: 'ignore' });
  return main;
}

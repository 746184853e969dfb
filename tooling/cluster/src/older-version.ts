import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { root } from './repository.ts';

/** The commit that rolling upgrades start from: the last one before instances told each other anything. */
const OLDER = '71942dd027';
/** Beside the other things fetched for tests. */
const FOLDER = join(root, '.tools', `querator-${OLDER}`);

/** Why there is no older version to be had; nothing when there is one. */
export function whyNoOlderVersion(): string | undefined {
  try {
    execFileSync('git', ['cat-file', '-e', `${OLDER}^{commit}`], { cwd: root, stdio: 'ignore' });
    return undefined;
  } catch {
    return `the commit ${OLDER} is not in this clone; fetch the whole history: git fetch --unshallow`;
  }
}

/**
 * An older version of ours, with all it needs, made from this clone's history
 * when it is not there yet.
 *
 * @returns the file of its server program.
 */
export function olderVersion(): string {
  const main = join(FOLDER, 'apps/server/src/main.ts');
  if (existsSync(join(FOLDER, 'node_modules'))) return main;
  if (!existsSync(FOLDER)) {
    execFileSync('git', ['clone', '--quiet', '--no-checkout', root, FOLDER]);
    execFileSync('git', ['checkout', '--quiet', '--detach', OLDER], { cwd: FOLDER });
  }
  execFileSync(process.execPath, ['tooling/bootstrap/run.mjs', 'install'], { cwd: FOLDER, stdio: 'ignore' });
  return main;
}

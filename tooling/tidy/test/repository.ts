import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Top folder of the clone. */
export const root = fileURLToPath(new URL('../../..', import.meta.url));

/** What git would leave out, for a copy of the repository that is no clone. */
const LEFT_OUT = new Set([
  '.git',
  '.tools',
  '.turbo',
  '.querator',
  'node_modules',
  'dist',
  'coverage',
  'test-results',
]);

function gitFiles(): string[] | undefined {
  const args = ['ls-files', '--cached', '--others', '--exclude-standard', '-z'];
  const git = spawnSync('git', args, { cwd: root, encoding: 'utf8', maxBuffer: 1 << 28 });
  return git.status === 0 ? git.stdout.split('\0') : undefined;
}

function walk(folder: string): string[] {
  const entries = readdirSync(join(root, folder), { withFileTypes: true });
  const kept = entries.filter(({ name }) => !LEFT_OUT.has(name));
  return kept.flatMap((entry) => {
    const name = join(folder, entry.name);
    return entry.isDirectory() ? walk(name) : [name];
  });
}

/** Every file that is in git or about to be, relative to the top folder. */
export function repositoryFiles(): string[] {
  const names = gitFiles() ?? walk('');
  return [...new Set(names)].filter((name) => name !== '' && existsSync(join(root, name))).sort();
}

/** The content of a file of the repository. */
export function read(name: string): string {
  return readFileSync(join(root, name), 'utf8');
}

/** Whether a file was written by a generator. */
export const isGenerated = (name: string): boolean => /(^|\/)gen\//.test(name) || name === 'pnpm-lock.yaml';

/** Whether a file holds tests or what only tests use. */
export const isTest = (name: string): boolean => /(^|\/)test\/|\.test\.ts$/.test(name);

import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../..', import.meta.url));

/** The blocks as files. Inside this package, so that they import its dependencies. */
const BLOCKS = fileURLToPath(new URL('../test-results/blocks/', import.meta.url));

/** A block of TypeScript in a page. */
export interface CodeBlock {
  /** The path of the page in the repository. */
  readonly page: string;
  /** The line of the page on which the block begins. */
  readonly line: number;
  readonly code: string;
}

/** The pages of users and drivers. Those of `tooling` are about this repository, with parts of its tests. */
export function pages(): readonly string[] {
  const args = ['ls-files', '--cached', '--others', '--exclude-standard', '-z', '*.md'];
  const names = spawnSync('git', args, { cwd: root, encoding: 'utf8' }).stdout.split('\0');
  return names.filter(
    (name) => name !== '' && !name.startsWith('tooling/') && !name.startsWith('.changeset/'),
  );
}

/** The blocks of a page, in order. */
export function blocksOf(page: string): readonly CodeBlock[] {
  const text = readFileSync(join(root, page), 'utf8');
  return [...text.matchAll(/^```ts\n(.*?)^```$/gms)].map(({ index, 1: code = '' }) => ({
    ...{ page, code },
    line: text.slice(0, index).split('\n').length + 1,
  }));
}

/** The file of a block, such as `packages-client-README-6.ts`. */
export function fileOf({ page, line }: CodeBlock): string {
  return `${page.replace(/\.md$/, '').replaceAll('/', '-')}-${line}.ts`;
}

/** Writes these files into a folder of their own under {@link BLOCKS}. @returns its path. */
export function writeFiles(folder: string, files: ReadonlyMap<string, string>): string {
  const path = join(BLOCKS, folder, 'test');
  rmSync(join(BLOCKS, folder), { recursive: true, force: true });
  for (const [name, text] of files) {
    mkdirSync(dirname(join(path, name)), { recursive: true });
    writeFileSync(join(path, name), text);
  }
  return path;
}

import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { read, repositoryFiles, root } from './repository.ts';

const folders = ['packages', 'apps', 'examples'].flatMap((group) =>
  readdirSync(join(root, group)).map((name) => `${group}/${name}`),
);
/** An example in another language is no package of the workspace. */
const isForeign = (folder: string) =>
  folder.startsWith('examples/') && !existsSync(join(root, folder, 'package.json'));

interface Manifest {
  readonly name: string;
  readonly license?: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

describe.each(folders)('%s', (folder) => {
  it('has a README that shows its use', () => {
    expect(existsSync(join(root, folder, 'README.md')), `${folder}/README.md`).toBe(true);
    expect(read(`${folder}/README.md`)).toContain('```');
  });
});

describe.each(folders.filter(isForeign))('%s', (folder) => {
  it('is run by a test', () => {
    const tests = repositoryFiles().filter((name) => name.endsWith('.test.ts'));
    expect(tests.filter((name) => read(name).includes(`inClone('${folder}`))).not.toEqual([]);
  });
});

describe.each(folders.filter((folder) => !isForeign(folder)))('%s', (folder) => {
  it('has tests', () => {
    const tests = repositoryFiles().filter(
      (name) => name.startsWith(`${folder}/`) && name.endsWith('.test.ts'),
    );
    expect(tests).not.toEqual([]);
  });

  it('states in turbo.json who may import it', () => {
    expect(read(`${folder}/turbo.json`)).toContain('"tags"');
  });
});

describe('every package.json', () => {
  const manifests = repositoryFiles().filter((name) => /(^|\/)package\.json$/.test(name));

  it.each(manifests)('%s takes its versions from the catalog and the workspace', (name) => {
    const { dependencies, devDependencies, license } = JSON.parse(read(name)) as Manifest;
    const ranges = Object.entries({ ...dependencies, ...devDependencies });
    const loose = ranges.filter(([, range]) => !/^(catalog:|workspace:[\^*])$/.test(range));
    expect(loose).toEqual([]);
    expect(license).toBe('Apache-2.0');
  });
});

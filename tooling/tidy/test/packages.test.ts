import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { read, repositoryFiles, root } from './repository.ts';

const packages = ['packages', 'apps', 'examples'].flatMap((group) =>
  readdirSync(join(root, group)).map((name) => `${group}/${name}`),
);

interface Manifest {
  readonly name: string;
  readonly license?: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

describe.each(packages)('%s', (folder) => {
  it('has a README that shows its use', () => {
    expect(existsSync(join(root, folder, 'README.md')), `${folder}/README.md`).toBe(true);
    expect(read(`${folder}/README.md`)).toContain('```');
  });

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

import { posix } from 'node:path';
import { describe, expect, it } from 'vitest';
import { isTest, read, repositoryFiles } from './repository.ts';

/**
 * The folders of a package's sources, from the top layer down. A file may
 * import from its own folder and from the folders after it. `.` stands for
 * the files that lie in no folder.
 */
const LAYERS: Readonly<Record<string, readonly string[]>> = {
  'packages/storage-postgres/src': [
    ...['.', 'items-tables', 'operations', 'queues', 'low-water-mark', 'schema', 'sql', 'database'],
    ...['pool', 'signals', 'connection', 'wire', 'errors', 'settings'],
  ],
};

const IMPORT = /(?:from|import\() ?'(\.[^']+)'/g;

/** The files that each file imports, by their path below `sources`. Type imports count too. */
function importsBelow(sources: string): ReadonlyMap<string, readonly string[]> {
  const files = repositoryFiles().filter((name) => name.startsWith(`${sources}/`) && !isTest(name));
  return new Map(
    files.map((name) => {
      const targets = [...read(name).matchAll(IMPORT)].map(([, path = '']) =>
        posix.relative(sources, posix.join(posix.dirname(name), path)),
      );
      return [posix.relative(sources, name), targets];
    }),
  );
}

const folderOf = (file: string): string => (file.includes('/') ? file.slice(0, file.indexOf('/')) : '.');

/** The first circle of imports, as a path that ends where it begins; empty if there is none. */
function circleIn(imports: ReadonlyMap<string, readonly string[]>): readonly string[] {
  const done = new Set<string>();
  const visit = (file: string, path: readonly string[]): readonly string[] => {
    if (path.includes(file)) return [...path.slice(path.indexOf(file)), file];
    if (done.has(file)) return [];
    for (const target of imports.get(file) ?? []) {
      const circle = visit(target, [...path, file]);
      if (circle.length > 0) return circle;
    }
    done.add(file);
    return [];
  };
  for (const file of imports.keys()) {
    const circle = visit(file, []);
    if (circle.length > 0) return circle;
  }
  return [];
}

describe.each(Object.entries(LAYERS))('%s', (sources, layers) => {
  const imports = importsBelow(sources);

  it('has the folders that are listed here, and no others', () => {
    expect([...new Set([...imports.keys()].map(folderOf))].sort()).toEqual([...layers].sort());
  });

  it('has imports that lead down, from layer to layer', () => {
    const upwards = [...imports].flatMap(([file, targets]) =>
      targets
        .filter((target) => layers.indexOf(folderOf(target)) < layers.indexOf(folderOf(file)))
        .map((target) => `${file} imports ${target}`),
    );
    expect(upwards).toEqual([]);
  });

  it('has no circle of imports, not even of types', () => {
    expect(circleIn(imports)).toEqual([]);
  });
});

/** The fields of a packed package.json that the checks read. */
export interface Manifest {
  readonly exports?: unknown;
  readonly bin?: string | Readonly<Record<string, string>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

const EXPECTED = ['package/README.md', 'package/LICENSE', 'package/dist/index.js', 'package/dist/index.d.ts'];

/** Every file that an `exports` map names, at any depth of conditions. */
function targets(exports: unknown): string[] {
  if (typeof exports === 'string') return [exports];
  if (typeof exports !== 'object' || exports === null) return [];
  return Object.values(exports).flatMap(targets);
}

/** Compares a package's manifest with the contents of its tarball. @returns the faults. */
export function missingFiles(manifest: Manifest, files: ReadonlySet<string>): string[] {
  const programs = typeof manifest.bin === 'string' ? [manifest.bin] : Object.values(manifest.bin ?? {});
  const promised = [...targets(manifest.exports), ...programs].map(
    (path) => `package/${path.replace(/^\.\//, '')}`,
  );
  const faults = [...new Set([...EXPECTED, ...promised])]
    .filter((file) => !files.has(file))
    .map((file) => `${file} is missing`);
  for (const file of files) {
    if (file.endsWith('.test.ts')) faults.push(`${file} is a test and should stay at home ("files")`);
  }
  const ranges = Object.entries({ ...manifest.dependencies, ...manifest.peerDependencies });
  for (const [name, range] of ranges) {
    if (/^(workspace|catalog|link|file):/.test(range)) faults.push(`${name} is packed as ${range}`);
  }
  return faults;
}

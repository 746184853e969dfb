import { existsSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { runProgram } from '@querator/tooling-processes';
import type { Manifest } from './contents.ts';

/** The repository, and the tarballs of its packages by the folder of each. */
export interface Packed {
  readonly root: string;
  readonly tarballs: ReadonlyMap<string, string>;
}

/**
 * Unpacks tarballs of this repository into `node_modules` of a folder as npm would, with those that
 * they depend on. Packages of others come from this repository's own installation.
 *
 * @throws Error if one was not packed.
 */
export async function installPacked(names: readonly string[], folder: string, packed: Packed): Promise<void> {
  for (const name of names) {
    const place = join(folder, 'node_modules/@querator', name);
    if (existsSync(place)) continue;
    const tarball = packed.tarballs.get(name);
    if (tarball === undefined) throw new Error(`${name} was not packed`);
    await unpack(tarball, place);
    const { dependencies = {} } = JSON.parse(readFileSync(join(place, 'package.json'), 'utf8')) as Manifest;
    const own = (dependency: string) => dependency.startsWith('@querator/');
    const all = Object.keys(dependencies);
    for (const dependency of all.filter((each) => !own(each))) linkOther(name, dependency, folder, packed);
    await installPacked(
      all.filter(own).map((dependency) => dependency.slice('@querator/'.length)),
      folder,
      packed,
    );
  }
}

/** Unpacks a tarball into a folder. @throws Error if it cannot be read. */
export async function unpack(tarball: string, place: string): Promise<void> {
  mkdirSync(place, { recursive: true });
  const { code, output } = await runProgram('tar', ['-xzf', tarball, '-C', place, '--strip-components=1']);
  if (code !== 0) throw new Error(output);
}

/** Makes a package of others, which a package of this repository depends on, available in a folder. */
export function linkOther(of: string, dependency: string, folder: string, { root }: Packed): void {
  const link = join(folder, 'node_modules', dependency);
  if (existsSync(link)) return;
  const group = existsSync(join(root, 'packages', of)) ? 'packages' : 'apps';
  mkdirSync(dirname(link), { recursive: true });
  symlinkSync(join(root, group, of, 'node_modules', dependency), link);
}

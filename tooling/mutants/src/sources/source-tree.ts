import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Edit, type Mutant, StaleMutant } from '../list/mutant.ts';
import { type Declaration, declarationsOf } from './declarations.ts';
import { fillWildcards, patternOf } from './pattern.ts';

interface Found {
  readonly file: string;
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** The sources of some packages, to which mutants apply. They are read once and not written. */
export class SourceTree {
  readonly #files: ReadonlyMap<string, { source: string; declarations: readonly Declaration[] }>;

  /** @param sources The text of each file. */
  constructor(sources: Iterable<readonly [file: string, source: string]>) {
    this.#files = new Map(
      [...sources].map(([file, source]) => [file, { source, declarations: declarationsOf(source) }]),
    );
  }

  /** All sources below `src` of the given folders, except tests. */
  static ofPackages(folders: readonly string[]): SourceTree {
    const files = folders.flatMap((folder) =>
      globSync('src/**/*.ts', { cwd: folder }).map((file) => join(folder, file)),
    );
    const sources = files.filter((file) => !/\.test\.ts$/.test(file));
    return new SourceTree(sources.map((file) => [file, readFileSync(file, 'utf8')]));
  }

  /** The changed files of a mutant, with their new text. @throws StaleMutant */
  mutated({ name, edits }: Mutant): ReadonlyMap<string, string> {
    const found = edits.map((edit) => this.#find(name, edit)).sort((a, b) => b.start - a.start);
    const changed = new Map<string, string>();
    for (const { file, start, end, text } of found) {
      const source = changed.get(file) ?? this.#files.get(file)?.source ?? '';
      changed.set(file, source.slice(0, start) + text + source.slice(end));
    }
    return changed;
  }

  #find(name: string, { place, find, replace }: Edit): Found {
    const pattern = patternOf(find);
    const found = new Map<string, Found>();
    for (const [file, { source, declarations }] of this.#files) {
      for (const declaration of declarations) {
        if (declaration.name !== place && !declaration.name.endsWith(`.${place}`)) continue;
        for (const match of source.slice(declaration.start, declaration.end).matchAll(pattern)) {
          const start = declaration.start + match.index;
          const text = fillWildcards(replace, match.slice(1));
          found.set(`${file}:${start}`, { file, start, end: start + match[0].length, text });
        }
      }
    }
    const [only] = found.values();
    if (only === undefined || found.size > 1) {
      throw new StaleMutant(
        `stale mutant '${name}': '${place}' holds this ${found.size} times, not once:\n${find}`,
      );
    }
    return only;
  }
}

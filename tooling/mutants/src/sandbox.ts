import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import type { Mutant } from './list/mutant.ts';
import { SourceTree } from './sources/source-tree.ts';
import { packageOf, type Subject } from './subjects.ts';

/** Output of runs, and `node_modules`, which is linked instead. */
const NOT_COPIED = new Set(['node_modules', 'dist', 'test-results', '.turbo']);

/** A copy of a package in the temporary folder. It shares the original's dependencies; the original is only read. */
export class Sandbox {
  readonly folder: string;
  readonly #sources: SourceTree;
  /** The text that the files changed by the present mutant had before. */
  readonly #originals = new Map<string, string>();

  constructor(subject: Subject) {
    this.folder = mkdtempSync(join(tmpdir(), `querator-mutants-${subject}-`));
    cpSync(packageOf(subject), this.folder, {
      recursive: true,
      filter: (source) => !NOT_COPIED.has(basename(source)),
    });
    symlinkSync(join(packageOf(subject), 'node_modules'), join(this.folder, 'node_modules'));
    this.#sources = SourceTree.ofPackages([this.folder]);
  }

  /** Turns the copy into the mutant. @throws StaleMutant */
  become(mutant: Mutant): void {
    this.becomeOriginal();
    for (const [file, source] of this.#sources.mutated(mutant)) {
      this.#originals.set(file, readFileSync(file, 'utf8'));
      writeFileSync(file, source);
    }
  }

  becomeOriginal(): void {
    for (const [file, source] of this.#originals) writeFileSync(file, source);
    this.#originals.clear();
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

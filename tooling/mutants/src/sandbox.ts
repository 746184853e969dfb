import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import type { Mutant, Subject } from './mutant.ts';
import { mutatedFiles, packageOf } from './subject-sources.ts';

/** What a run leaves in the package, and what is linked instead of copied. */
const NOT_COPIED = new Set(['node_modules', 'dist', 'test-results', '.turbo']);

/**
 * A copy of a package in the temporary folder, taken once, which
 * finds its dependencies where the original does. The working tree is never
 * touched.
 */
export class Sandbox {
  readonly folder: string;
  /** What the files were that the present mutant has changed. */
  readonly #originals = new Map<string, string>();

  constructor(subject: Subject) {
    this.folder = mkdtempSync(join(tmpdir(), `querator-mutants-${subject}-`));
    cpSync(packageOf(subject), this.folder, {
      recursive: true,
      filter: (source) => !NOT_COPIED.has(basename(source)),
    });
    symlinkSync(join(packageOf(subject), 'node_modules'), join(this.folder, 'node_modules'));
  }

  /** Makes the copy the given mutant. @throws StaleMutant */
  become(mutant: Mutant): void {
    this.becomeOriginal();
    for (const [file, source] of mutatedFiles(this.folder, mutant)) {
      this.#originals.set(file, readFileSync(join(this.folder, file), 'utf8'));
      writeFileSync(join(this.folder, file), source);
    }
  }

  becomeOriginal(): void {
    for (const [file, source] of this.#originals) writeFileSync(join(this.folder, file), source);
    this.#originals.clear();
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

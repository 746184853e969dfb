import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ENGINE_MOVER_MUTANTS } from './engine-mover-mutants.ts';
import { ENGINE_MUTANTS } from './engine-mutants.ts';
import { ENGINE_SIZE_MUTANTS } from './engine-size-mutants.ts';
import { MEMORY_MUTANTS } from './memory-mutants.ts';
import { type Mutant, mutate, type Subject } from './mutant.ts';
import { POSTGRES_MARK_MUTANTS } from './postgres-mark-mutants.ts';
import { POSTGRES_MUTANTS } from './postgres-mutants.ts';

const root = dirname(dirname(dirname(dirname(fileURLToPath(import.meta.url)))));

export const MUTANTS: Readonly<Record<Subject, readonly Mutant[]>> = {
  memory: MEMORY_MUTANTS,
  postgres: POSTGRES_MUTANTS,
  'postgres-marks': POSTGRES_MARK_MUTANTS,
  engine: ENGINE_MUTANTS,
  'engine-movers': ENGINE_MOVER_MUTANTS,
  'engine-size': ENGINE_SIZE_MUTANTS,
};

/** The folder of a package in the working tree. It is only read. */
export function packageOf(subject: Subject): string {
  const [name = ''] = subject.split('-');
  return join(root, 'packages', name === 'engine' ? name : `storage-${name}`);
}

/** The files of a package that a mutant changes, as it changes them. @throws StaleMutant */
export function mutatedFiles(packageFolder: string, { edits }: Mutant): ReadonlyMap<string, string> {
  const files = new Map<string, string>();
  for (const edit of edits) {
    const file = join('src', edit.file);
    const source = files.get(file) ?? readFileSync(join(packageFolder, file), 'utf8');
    files.set(file, mutate(source, edit));
  }
  return files;
}

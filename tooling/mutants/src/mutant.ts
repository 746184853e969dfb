/**
 * What is broken on trial: the drivers, before the contract suite, and the
 * engine, before the simulation; and what these do not notice of low-water
 * marks and of movers, before the tests of those.
 */
export const SUBJECTS = [
  'memory',
  'postgres',
  'postgres-marks',
  'engine',
  'engine-movers',
  'engine-size',
] as const;
export type Subject = (typeof SUBJECTS)[number];

/** A small change to one file of a package. */
export interface Edit {
  /** Below the package's `src`. */
  readonly file: string;
  /** Must occur exactly once: a mutant whose place has moved is stale, and says so. */
  readonly find: string;
  readonly replace: string;
}

/** A package with one rule broken. */
export interface Mutant {
  /** Which rule, and how; unique for the package. */
  readonly name: string;
  readonly edits: readonly Edit[];
}

/** A mutant that needs a single edit. */
export function mutant(name: string, file: string, find: string, replace: string): Mutant {
  return { name, edits: [{ file, find, replace }] };
}

/** The package has changed, and the mutant's place with it. */
export class StaleMutant extends Error {
  override readonly name = 'StaleMutant';
}

/** The source with the edit made. @throws StaleMutant. */
export function mutate(source: string, { file, find, replace }: Edit): string {
  const places = source.split(find).length - 1;
  if (places !== 1) {
    throw new StaleMutant(
      `stale mutant: ${file} holds this ${places} times, and must hold it once:\n${find}`,
    );
  }
  return source.replace(find, () => replace);
}

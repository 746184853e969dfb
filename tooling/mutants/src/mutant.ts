/** The drivers that are broken on trial. */
export const DRIVERS = ['memory', 'postgres'] as const;
export type DriverName = (typeof DRIVERS)[number];

/** A small change to one file of a driver. */
export interface Edit {
  /** Below the driver's `src`. */
  readonly file: string;
  /** Must occur exactly once: a mutant whose place has moved is stale, and says so. */
  readonly find: string;
  readonly replace: string;
}

/** A driver with one rule broken. */
export interface Mutant {
  /** Which rule, and how; unique for the driver. */
  readonly name: string;
  readonly edits: readonly Edit[];
}

/** A mutant that needs a single edit. */
export function mutant(name: string, file: string, find: string, replace: string): Mutant {
  return { name, edits: [{ file, find, replace }] };
}

/** The driver has changed, and the mutant's place with it. */
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

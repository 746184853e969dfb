/** A change to one place of the sources. */
export interface Edit {
  /** A declaration: `name` of a function, class, constant or member, or `Class.member`. */
  readonly place: string;
  /** A text for `patternOf` that occurs exactly once in the place. */
  readonly find: string;
  readonly replace: string;
}

/** The sources with one rule broken. */
export interface Mutant {
  /** The broken rule; unique in its list. */
  readonly name: string;
  readonly edits: readonly Edit[];
  /** The options of the list, such as `seeds: 12`. */
  readonly options: ReadonlyMap<string, string>;
}

/** An edit of the mutant fits no place of the sources, or several. */
export class StaleMutant extends Error {
  override readonly name = 'StaleMutant';
}

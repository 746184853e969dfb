import { EXIT } from './exit-codes.ts';

/** What the outcome of an item says of one that is not there, under whatever id it may be now. */
const GONE: ReadonlySet<string> = new Set(['lease_lost', 'no_such_item']);

/** The exit code if some of the items of a command could not be changed: that of nothing if none is there. */
export function exitCodeOfOutcomes(outcomes: readonly { readonly code: string }[]): number {
  return outcomes.every(({ code }) => GONE.has(code)) ? EXIT.nothing : EXIT.error;
}

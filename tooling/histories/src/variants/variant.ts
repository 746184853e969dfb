import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../../..', import.meta.url));

/** A small change of one source file. */
export interface Edit {
  /** From the top of the repository. */
  readonly file: string;
  /** Must occur exactly once. */
  readonly find: string;
  readonly replace: string;
}

/** The engine or a driver with one rule of the queue broken. */
export interface Variant {
  readonly name: string;
  readonly edits: readonly Edit[];
  /** After so many seeds it must have been caught. */
  readonly seeds: number;
  /** It shows when a standby takes over, and in no other fault. */
  readonly onFailover?: boolean;
}

/** Makes a variant of one edit. */
export function variant(name: string, file: string, find: string, replace: string, seeds = 3): Variant {
  return { name, edits: [{ file, find, replace }], seeds };
}

/**
 * The files of a variant with its edits made, by their paths. Nothing is written.
 *
 * @throws Error when the sources have changed, and an edit no longer fits.
 */
export function editedSources({ name, edits }: Variant): ReadonlyMap<string, string> {
  const sources = new Map<string, string>();
  for (const { file, find, replace } of edits) {
    const path = join(root, file);
    const source = sources.get(path) ?? readFileSync(path, 'utf8');
    const places = source.split(find).length - 1;
    if (places !== 1)
      throw new Error(`stale variant '${name}': ${file} holds this ${places} times, not once:\n${find}`);
    sources.set(
      path,
      source.replace(find, () => replace),
    );
  }
  return sources;
}

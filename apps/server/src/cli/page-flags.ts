import type { Command } from 'commander';
import { wholeNumber } from './flags.ts';

/** The flags of commands that print a page of a list. */
export interface PageFlags {
  readonly limit: number;
  readonly pivot: string;
}

/** Adds `--limit` and `--pivot`. @param key what the list is ordered by. */
export function withPageFlags(command: Command, key: string): Command {
  return command
    .option('--limit <n>', 'how many at most', wholeNumber, 100)
    .option('--pivot <key>', `start with this ${key}, or the next greater one`, '');
}

/**
 * Reads a list up to the limit of the flags, page after page: the server ends a page
 * early if its elements are large.
 *
 * @param keyOf what the list is ordered by.
 */
export async function upToLimit<T>(
  { limit, pivot }: PageFlags,
  read: (page: PageFlags) => Promise<{ readonly items: readonly T[] }>,
  keyOf: (element: T) => string,
): Promise<{ readonly items: readonly T[] }> {
  const items = [...(await read({ limit, pivot })).items];
  while (items.length < limit) {
    const last = items.at(-1);
    if (last === undefined) break;
    const key = keyOf(last);
    // A page begins with its pivot, so that one of a single element would bring nothing.
    const page = await read({ limit: limit - items.length + 1, pivot: key });
    const fresh = page.items.filter((element) => keyOf(element) !== key);
    if (fresh.length === 0) break;
    items.push(...fresh);
  }
  return { items };
}

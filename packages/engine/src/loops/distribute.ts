/** Somebody who takes up to so many things. */
export interface Taker<T> {
  readonly limit: number;
  readonly hand: T[];
}

/**
 * Deals things out one at a time, round and round over the takers in their
 * order, until all hands are full or nothing is left (semantics.md, section
 * 4). Each hand keeps the order of the things.
 *
 * @returns how many things were dealt; those after them are left over.
 */
export function deal<T>(things: readonly T[], takers: readonly Taker<T>[]): number {
  let dealt = 0;
  let open = takers.filter(({ limit, hand }) => hand.length < limit);
  while (open.length > 0 && dealt < things.length) {
    for (const { hand } of open) {
      if (dealt === things.length) break;
      hand.push(things[dealt++] as T);
    }
    open = open.filter(({ limit, hand }) => hand.length < limit);
  }
  return dealt;
}

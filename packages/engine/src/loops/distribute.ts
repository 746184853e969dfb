/** A consumer that takes up to `limit` items. */
export interface Taker<T> {
  readonly limit: number;
  readonly assigned: T[];
}

/**
 * Distributes things one at a time over the takers in their order, again and
 * again. Ends when all takers are full or nothing is left. Each taker receives
 * its things in order.
 *
 * @returns how many things were distributed; those after them are left over.
 */
export function distribute<T>(things: readonly T[], takers: readonly Taker<T>[]): number {
  let distributed = 0;
  let open = takers.filter(({ limit, assigned }) => assigned.length < limit);
  while (open.length > 0 && distributed < things.length) {
    for (const { assigned } of open) {
      if (distributed === things.length) break;
      assigned.push(things[distributed++] as T);
    }
    open = open.filter(({ limit, assigned }) => assigned.length < limit);
  }
  return distributed;
}

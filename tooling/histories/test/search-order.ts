import type { Lease, Produce } from '../src/history/history.ts';

interface State {
  /** Produces with numbers, in their order. */
  readonly numbered: readonly Produce[];
  readonly visible: ReadonlySet<Produce>;
  readonly taken: ReadonlySet<string>;
  readonly at: number;
}

/**
 * The definition, by brute force: is there a time for each event, within its call,
 * at which a queue does this? A produce takes its number, and later its items
 * become visible, all at once. One or more leases take, at one time, the visible
 * items with the lowest numbers and share them; answers are sorted. For one
 * partition, successful calls, and items that are leased once.
 */
export function existsOrder(produces: readonly Produce[], leases: readonly Lease[]): boolean {
  const seen = new Set<string>();
  const search = (state: State): boolean => {
    const items = state.numbered.flatMap((produce) => produce.items);
    if (state.taken.size === produces.flatMap((produce) => produce.items).length) {
      return leases.every(({ given }) => isSorted(given.map(({ item }) => items.indexOf(item))));
    }
    const key = [
      state.numbered.map((produce) => produces.indexOf(produce)),
      produces.map((produce) => state.visible.has(produce)),
      [...state.taken].sort(),
      state.at,
    ].join('|');
    if (seen.has(key)) return false;
    seen.add(key);
    return nextStates(state, produces, leases).some(search);
  };
  return search({ numbered: [], visible: new Set(), taken: new Set(), at: 0 });
}

function nextStates(state: State, produces: readonly Produce[], leases: readonly Lease[]): readonly State[] {
  const next: State[] = [];
  /** The earliest possible time of one more event of a call. */
  const moment = ({ invoked, returned }: Produce) => {
    const at = Math.max(state.at, invoked);
    return at <= returned ? at : undefined;
  };
  for (const produce of produces) {
    const at = moment(produce);
    if (at === undefined || state.visible.has(produce)) continue;
    if (!state.numbered.includes(produce))
      next.push({ ...state, at, numbered: [...state.numbered, produce] });
    else next.push({ ...state, at, visible: new Set([...state.visible, produce]) });
  }
  const waiting = state.numbered
    .filter((produce) => state.visible.has(produce))
    .flatMap((produce) => produce.items)
    .filter((item) => !state.taken.has(item));
  for (const group of groupsOf(
    leases.filter(({ given }) => given.some(({ item }) => !state.taken.has(item))),
  )) {
    const items = group.flatMap(({ given }) => given.map(({ item }) => item));
    const front = waiting.slice(0, items.length);
    const at = Math.max(state.at, ...group.map(({ invoked }) => invoked));
    if (at > Math.min(...group.map(({ returned }) => returned))) continue;
    if (items.every((item) => front.includes(item))) {
      next.push({ ...state, at, taken: new Set([...state.taken, ...items]) });
    }
  }
  return next;
}

/** All non-empty subsets. */
function groupsOf<T>(all: readonly T[]): readonly (readonly T[])[] {
  return Array.from({ length: 2 ** all.length - 1 }, (_, n) =>
    all.filter((_each, place) => (n + 1) & (1 << place)),
  );
}

function isSorted(places: readonly number[]): boolean {
  return places.every((place, n) => n === 0 || (places[n - 1] as number) < place);
}

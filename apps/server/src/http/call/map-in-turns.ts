import { nextTurn } from './next-turn.ts';

/** Elements that are converted in a turn: about 1 ms. */
const ELEMENTS_AT_ONCE = 1_000;

/** Converts the elements of a list. Lets other requests run in between if it is long. */
export async function mapInTurns<T, U>(elements: readonly T[], convert: (element: T) => U): Promise<U[]> {
  const converted: U[] = [];
  for (const element of elements) {
    if (converted.length > 0 && converted.length % ELEMENTS_AT_ONCE === 0) await nextTurn();
    converted.push(convert(element));
  }
  return converted;
}

import { SeededRandom } from '@querator/core/testing';
import type { Fault } from './faults.ts';
import { spreadSeed } from './spread-seed.ts';

const DECKS = 300;
const PLACES = 301;

/**
 * The faults of a run, in order. They are dealt like cards: each shuffled deck
 * has every kind once, and a short run goes on where that of the seed before ended,
 * while one with as many faults as there are kinds begins with a deck of its own.
 * So no kind stays away for long, and still each run depends on its own seed only.
 *
 * @param certain are among them in any case, each at a place of chance.
 */
export function dealFaults(
  seed: number,
  count: number,
  kinds: readonly Fault[],
  certain: readonly Fault[] = [],
): readonly Fault[] {
  const dealt = count - certain.length;
  const taken = dealt < kinds.length ? dealt : Math.ceil(dealt / kinds.length) * kinds.length;
  const faults = Array.from({ length: dealt }, (_, n) => cardAt((seed + 1) * taken + n, kinds));
  const random = new SeededRandom(spreadSeed(seed, PLACES));
  for (const fault of certain) faults.splice(Math.floor(random.fraction() * (faults.length + 1)), 0, fault);
  return faults;
}

/** What lies at a place of all decks, one on the other. */
function cardAt(place: number, kinds: readonly Fault[]): Fault {
  const random = new SeededRandom(spreadSeed(Math.floor(place / kinds.length), DECKS));
  const deck = [...kinds];
  for (let n = deck.length - 1; n > 0; n--) {
    const other = Math.floor(random.fraction() * (n + 1));
    [deck[n], deck[other]] = [deck[other] as Fault, deck[n] as Fault];
  }
  return deck[place % kinds.length] as Fault;
}

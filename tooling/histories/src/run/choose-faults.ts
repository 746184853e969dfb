import { SeededRandom } from '@querator/core/testing';
import type { Fault } from './faults.ts';
import { spreadSeed } from './spread-seed.ts';

const SHUFFLES = 300;
const PLACES = 301;

/**
 * The faults of a run, in order. All kinds are shuffled, again and again, and the
 * runs of consecutive seeds take consecutive faults of this sequence. A run with
 * at least as many faults as there are kinds starts with a new shuffle. So every
 * kind comes up regularly, and each run depends on its seed alone.
 *
 * @param certain are part of the run in any case, at random places.
 */
export function chooseFaults(
  seed: number,
  count: number,
  kinds: readonly Fault[],
  certain: readonly Fault[] = [],
): readonly Fault[] {
  const chosen = count - certain.length;
  const taken = chosen < kinds.length ? chosen : Math.ceil(chosen / kinds.length) * kinds.length;
  const faults = Array.from({ length: chosen }, (_, n) => faultAt((seed + 1) * taken + n, kinds));
  const random = new SeededRandom(spreadSeed(seed, PLACES));
  for (const fault of certain) faults.splice(Math.floor(random.fraction() * (faults.length + 1)), 0, fault);
  return faults;
}

/** The fault at a place of the sequence. */
function faultAt(place: number, kinds: readonly Fault[]): Fault {
  const random = new SeededRandom(spreadSeed(Math.floor(place / kinds.length), SHUFFLES));
  const shuffled = [...kinds];
  for (let n = shuffled.length - 1; n > 0; n--) {
    const other = Math.floor(random.fraction() * (n + 1));
    [shuffled[n], shuffled[other]] = [shuffled[other] as Fault, shuffled[n] as Fault];
  }
  return shuffled[place % kinds.length] as Fault;
}

import type { SeededRandom } from '@querator/core/testing';

/** One of several, each with the same probability. */
export function oneOf<T>(all: readonly T[], random: SeededRandom): T {
  return all[Math.floor(random.fraction() * all.length)] as T;
}

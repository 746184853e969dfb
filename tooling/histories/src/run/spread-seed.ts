/**
 * A seed for each choice of a run. Consecutive seeds would draw nearly the same
 * first numbers, for instance one partition in all runs.
 *
 * @param choice distinguishes the choices of one run.
 */
export function spreadSeed(seed: number, choice: number): number {
  let x = (seed + Math.imul(choice + 1, 0x9e3779b9)) >>> 0;
  // The finaliser of MurmurHash3: each bit of the seed changes half of the bits of the result.
  x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
  return (x ^ (x >>> 16)) >>> 0;
}

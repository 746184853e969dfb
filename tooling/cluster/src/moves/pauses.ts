import type { Kill } from './random-kills.ts';

/** A time without success, on the monotonic clock. */
interface Gap {
  readonly from: number;
  readonly to: number;
}

/**
 * The longest times without success, in milliseconds: of those in which all servers ran, and of those in which one was
 * killed or started.
 */
export function longestPauses(
  gaps: readonly Gap[],
  kills: readonly Pick<Kill, 'at' | 'backAt'>[],
): { readonly calm: number; readonly killed: number } {
  let [calm, killed] = [0, 0];
  for (const { from, to } of gaps) {
    const isKilled = kills.some(({ at, backAt }) => from <= backAt && at <= to);
    if (isKilled) killed = Math.max(killed, to - from);
    else calm = Math.max(calm, to - from);
  }
  return { calm, killed };
}

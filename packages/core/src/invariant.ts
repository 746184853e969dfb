/**
 * States what must be true whatever a caller does; a breach is a bug of ours.
 *
 * @throws Error always when `condition` does not hold, in production too:
 *   going on with a broken invariant is how items get lost.
 */
export function invariant(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Error(`invariant broken: ${message}`);
}

/**
 * Asserts a condition that no caller can break; a violation is a bug in Querator.
 *
 * @throws Error if `condition` is false, also in production: continuing with a
 *   broken invariant could lose items.
 */
export function invariant(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Error(`invariant broken: ${message}`);
}

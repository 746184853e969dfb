import type { History } from '../history/history.ts';
import type { Span } from './taking.ts';

/**
 * Whether a server says that it put no item back in a time: it counted as many
 * at the end as before. What was not counted, or by a process that was started
 * since, says nothing.
 */
export function nothingReleased(
  { releases = [] }: Pick<History, 'releases'>,
  instance: number,
  { from, to }: Span,
): boolean {
  const counts = releases.filter((each) => each.instance === instance);
  const before = counts.findLast(({ answered }) => answered <= from);
  const after = counts.find(({ asked }) => asked >= to);
  return (
    before !== undefined &&
    after !== undefined &&
    before.process === after.process &&
    before.released === after.released
  );
}

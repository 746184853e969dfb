import type { History } from '../history/history.ts';
import type { Span } from './taking.ts';

/**
 * Whether a server reports that it put back no item in a time: its count is the
 * same at the end as before. Without a count, or after a restart, it is unknown.
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

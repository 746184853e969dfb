import { formatSpan, parseSpan } from '../text/span.ts';
import { now } from './now.ts';

/**
 * How old counts are: their age when they were sent, and the time since. Servers count in the
 * background, so that who looks costs the storage nothing.
 *
 * @param props `age`: as the API sends it; absent: nothing was counted yet. `readAt`: when it arrived,
 *   in milliseconds since 1970.
 */
export function Age({
  age,
  readAt,
  short = false,
}: {
  readonly age: string | undefined;
  readonly readAt: number | undefined;
  /** Whether the place says what the age is of, such as a column. */
  readonly short?: boolean;
}) {
  const sent = parseSpan(age);
  if (sent === undefined) return <span class="age">not counted yet</span>;
  const total = sent + Math.max(0, now.value - (readAt ?? now.value));
  const span = formatSpan(Math.floor(total / 1000) * 1000 || total);
  return <span class="age">{short ? `${span} ago` : `counted ${span} ago`}</span>;
}

import { formatSpan } from './span.ts';

const CLOCK = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'medium' });

/** A time of the API for people, in the time zone of the browser. What is no time is shown as it is. */
export function formatTime(time: string): string {
  const at = Date.parse(time);
  return Number.isNaN(at) ? time : CLOCK.format(at);
}

/** How far a time is from now, both in milliseconds: `in 5 min`, `3 s ago`, `now`. */
export function formatDistance(at: number, now: number): string {
  const distance = at - now;
  if (Math.abs(distance) < 1000) return 'now';
  return distance > 0 ? `in ${formatSpan(distance)}` : `${formatSpan(-distance)} ago`;
}

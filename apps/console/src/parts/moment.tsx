import { formatSpan, parseSpan } from '../text/span.ts';
import { formatDistance, formatTime } from '../text/time.ts';
import { now } from './now.ts';

/** A time of the API: how far it is from now, and on hovering when exactly. Absent: a dash. */
export function Moment({ at }: { readonly at: string | undefined }) {
  if (at === undefined) return <None />;
  const ms = Date.parse(at);
  if (Number.isNaN(ms)) return <span>{at}</span>;
  return (
    <time dateTime={at} title={`${formatTime(at)} (${at})`}>
      {formatDistance(ms, now.value)}
    </time>
  );
}

/** A time of the API as a date and time of day. Absent: a dash. */
export function ExactTime({ at }: { readonly at: string | undefined }) {
  if (at === undefined) return <None />;
  return (
    <time dateTime={at} title={at}>
      {formatTime(at)}
    </time>
  );
}

/** A span of the API for people. Absent: a dash. */
export function SpanOf({ span }: { readonly span: string | undefined }) {
  const ms = parseSpan(span);
  if (ms === undefined) return span ? <span>{span}</span> : <None />;
  return <span title={span}>{formatSpan(ms)}</span>;
}

/** Where there is no value. */
export function None({ why = 'none' }: { readonly why?: string }) {
  return (
    <span class="none">
      <span aria-hidden="true">–</span>
      <span class="unseen">{why}</span>
    </span>
  );
}

import {
  type Duration,
  DurationSyntaxError,
  errorText,
  formatDuration,
  milliseconds,
  parseDuration,
  verbatim,
} from '@querator/core';

/** A duration: a number of milliseconds, or a text such as `30s`, `1m30s` or `24h`. */
export type TimeSpan = number | string;

/**
 * Reads a duration of an option.
 *
 * @param name of the option, for the error.
 * @throws TypeError if it is not a duration from 0 up.
 */
export function toDuration(name: string, span: TimeSpan): Duration {
  const duration = typeof span === 'number' ? fromNumber(span) : fromText(name, span);
  if (duration === undefined || duration < 0n) {
    throw new TypeError(
      errorText`${name} is invalid; '${String(span)}' is neither milliseconds from 0 up nor a duration like 30s`,
    );
  }
  return duration;
}

/** The same in Go's syntax, as requests have it. */
export function toDurationText(name: string, span: TimeSpan): string {
  return formatDuration(toDuration(name, span));
}

function fromNumber(count: number): Duration | undefined {
  return Number.isFinite(count) ? milliseconds(count) : undefined;
}

function fromText(name: string, text: string): Duration {
  try {
    return parseDuration(text);
  } catch (error) {
    if (!(error instanceof DurationSyntaxError)) throw error;
    throw new TypeError(
      errorText`${name} is invalid; ${verbatim(error.message)} - expected a duration like 30s`,
    );
  }
}

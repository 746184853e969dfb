import { echo } from '../text/error-text.ts';

/**
 * A span of time in nanoseconds, exact over the whole range of Go's
 * `time.Duration` (−2^63 … 2^63−1). Clients must get a queue's timeouts back
 * unchanged, and a double of milliseconds cannot represent each of them.
 */
export type Duration = bigint & { readonly [unit]: 'nanoseconds' };
declare const unit: unique symbol;

const NANOSECOND = 1n;
const MICROSECOND = 1_000n;
const MILLISECOND = 1_000_000n;
const SECOND = 1_000_000_000n;
const MINUTE = 60n * SECOND;
const HOUR = 60n * MINUTE;

const MAX = 2n ** 63n - 1n;
const MAX_DIGITS = 19;

/** Both micro signs are legal: U+00B5 (micro sign) and U+03BC (Greek mu). */
const UNITS: ReadonlyMap<string, bigint> = new Map([
  ['ns', NANOSECOND],
  ['us', MICROSECOND],
  ['\u00b5s', MICROSECOND],
  ['\u03bcs', MICROSECOND],
  ['ms', MILLISECOND],
  ['s', SECOND],
  ['m', MINUTE],
  ['h', HOUR],
]);

/** One component of a duration. The unit is everything up to the next digit or dot. */
const COMPONENT = /([0-9]*)(\.?)([0-9]*)([^0-9.]*)/y;

/** The text is not a duration. `message` is Go's text for the same input. */
export class DurationSyntaxError extends Error {
  override readonly name = 'DurationSyntaxError';
}

/**
 * Parses a duration in Go's syntax, such as `1m30s`, `1.5h` or `-2us`.
 *
 * @throws DurationSyntaxError if the text is malformed or out of range. Its
 *   message is that of the reference server.
 */
export function parseDuration(text: string): Duration {
  const sign = text[0] === '-' || text[0] === '+' ? text[0] : '';
  const body = text.slice(sign.length);
  if (body === '0') return 0n as Duration;
  if (body === '') throw notADuration(text);

  let total = 0n;
  COMPONENT.lastIndex = 0;
  while (COMPONENT.lastIndex < body.length) {
    const [, whole = '', dot = '', fraction = '', unitName = ''] = COMPONENT.exec(body) ?? [];
    if (whole === '' && fraction === '') throw notADuration(text);
    // Go rejects a number that overflows before it reads the unit.
    const count = wholeNumber(whole);
    if (count === undefined) throw notADuration(text);
    if (unitName === '') {
      throw new DurationSyntaxError(`time: missing unit in duration ${quote(text)}`);
    }
    const scale = UNITS.get(unitName);
    if (scale === undefined) {
      throw new DurationSyntaxError(`time: unknown unit ${quote(unitName)} in duration ${quote(text)}`);
    }
    total += count * scale;
    if (dot !== '' && fraction !== '') total += fractionOf(fraction, scale);
    if (total > MAX + (sign === '-' ? 1n : 0n)) throw notADuration(text);
  }
  return (sign === '-' ? -total : total) as Duration;
}

/** Truncates digits below a nanosecond. */
function fractionOf(digits: string, scale: bigint): bigint {
  const significant = digits.slice(0, 18);
  return (BigInt(significant) * scale) / 10n ** BigInt(significant.length);
}

/** The digits' value; undefined if it overflows. BigInt takes a time that grows faster than the number of digits. */
function wholeNumber(digits: string): bigint | undefined {
  const significant = digits.replace(/^0+/, '');
  if (significant.length > MAX_DIGITS) return undefined;
  const count = BigInt(significant || '0');
  return count > MAX + 1n ? undefined : count;
}

function notADuration(text: string): DurationSyntaxError {
  return new DurationSyntaxError(`time: invalid duration ${quote(text)}`);
}

/**
 * Quotes as Go does in these messages: each byte outside printable ASCII as
 * `\xNN`. The ellipsis of a shortened text stays as it is.
 */
function quote(text: string): string {
  const start = echo(text);
  const isCut = start !== text;
  let quoted = '"';
  for (const byte of new TextEncoder().encode(isCut ? start.slice(0, -1) : start)) {
    if (byte === 0x22 || byte === 0x5c) quoted += `\\${String.fromCharCode(byte)}`;
    else if (byte < 0x20 || byte >= 0x80) quoted += `\\x${byte.toString(16).padStart(2, '0')}`;
    else quoted += String.fromCharCode(byte);
  }
  return `${quoted}${isCut ? '…' : ''}"`;
}

/** Formats a duration in Go's canonical form: `1m0s`, `24h0m0s`, `1.5ms`, `0s`. */
export function formatDuration(duration: Duration): string {
  if (duration === 0n) return '0s';
  const sign = duration < 0n ? '-' : '';
  const nanoseconds: bigint = duration < 0n ? -duration : duration;
  if (nanoseconds < MICROSECOND) return `${sign}${nanoseconds}ns`;
  if (nanoseconds < MILLISECOND) return `${sign}${decimal(nanoseconds, MICROSECOND)}\u00b5s`;
  if (nanoseconds < SECOND) return `${sign}${decimal(nanoseconds, MILLISECOND)}ms`;
  const hours = nanoseconds / HOUR;
  const minutes = (nanoseconds % HOUR) / MINUTE;
  const seconds = decimal(nanoseconds % MINUTE, SECOND);
  if (hours > 0n) return `${sign}${hours}h${minutes}m${seconds}s`;
  if (minutes > 0n) return `${sign}${minutes}m${seconds}s`;
  return `${sign}${seconds}s`;
}

function decimal(value: bigint, scale: bigint): string {
  const digits = scale.toString().length - 1;
  const fraction = (value % scale).toString().padStart(digits, '0').replace(/0+$/, '');
  const whole = (value / scale).toString();
  return fraction === '' ? whole : `${whole}.${fraction}`;
}

/** A duration of `count` milliseconds, truncated to nanoseconds. */
export function milliseconds(count: number): Duration {
  return BigInt(Math.trunc(count * 1e6)) as Duration;
}

/** A duration of `count` microseconds, the resolution of stored deadlines. */
export function microseconds(count: bigint): Duration {
  return (count * MICROSECOND) as Duration;
}

/** The duration in milliseconds with fractions, for timers and comparisons. */
export function toMilliseconds(duration: Duration): number {
  return Number(duration) / 1e6;
}

/** The duration in whole microseconds, rounded towards zero. */
export function toMicroseconds(duration: Duration): bigint {
  return duration / MICROSECOND;
}

import {
  errorText,
  type Instant,
  instantFromMilliseconds,
  invalid,
  isLongerThan,
  LIMITS,
  verbatim,
} from '@querator/core';
import { Cron } from 'croner';
import type { LocalMs, TimeZone, TimeZones } from './time-zone.ts';

interface Field {
  readonly name: string;
  readonly least: number;
  readonly most: number;
  /** Names for the numbers from `least` on. */
  readonly names?: readonly string[];
}

const FIELDS: readonly Field[] = [
  { name: 'minute', least: 0, most: 59 },
  { name: 'hour', least: 0, most: 23 },
  { name: 'day of the month', least: 1, most: 31 },
  {
    ...{ name: 'month', least: 1, most: 12 },
    names: ['JAN', 'FEB', 'MAR', 'APR', 'MAY', 'JUN', 'JUL', 'AUG', 'SEP', 'OCT', 'NOV', 'DEC'],
  },
  // Sunday is 0 and 7.
  {
    ...{ name: 'day of the week', least: 0, most: 7 },
    names: ['SUN', 'MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT'],
  },
];
/** A part of a field: `*`, or one value or two, with a step behind `*` and ranges. */
const PART =
  /^(?:(?<first>[0-9]{1,2}|[A-Z]{3})(?:-(?<last>[0-9]{1,2}|[A-Z]{3}))?|\*)(?:\/(?<step>[0-9]{1,2}))?$/i;
const TIME_ZONE = /^[A-Za-z][A-Za-z0-9_+\-/]*$/;
/** The longest overlap of local times is a day, as when a zone moves across the date line. */
const MOST_REPEATS = 24 * 60;

/**
 * The times of a cron expression in a time zone. The local times are those of the
 * expression. One that is left out by the zone fires at the end of the gap, one that
 * comes twice fires once, at the first of the two.
 */
export class CronTimes {
  /** The times on a clock without a zone. */
  readonly #local: Cron;
  readonly #zone: TimeZone;

  /** Use {@link parseCron}. */
  constructor(local: Cron, zone: TimeZone) {
    this.#local = local;
    this.#zone = zone;
  }

  /** The first time after another one. Undefined: there is none. */
  next(after: Instant): Instant | undefined {
    // Rounded up: a time has no fraction of a millisecond, and must be after it.
    const afterMs = Number(-(-after / 1_000n));
    let local = this.#zone.localOf(afterMs);
    for (let tries = 0; tries <= MOST_REPEATS; tries++) {
      // biome-ignore lint/style/noRestrictedGlobals: the calendar is wanted, not the clock.
      const next = this.#local.nextRun(new Date(local));
      if (next === null) return undefined;
      local = next.getTime() as LocalMs;
      const instant = instantFromMilliseconds(this.#zone.instantOf(local));
      // A local time that comes twice was fired at the first of the two.
      if (instant > after) return instant;
    }
    return undefined;
  }
}

/**
 * Reads a cron expression of five fields, and finds its first time.
 *
 * The library would accept more: seconds, years, nicknames, `L`, `W` and `#`. Those are
 * refused, so that an expression means the same everywhere.
 *
 * @throws QueueError `invalid` that names the field, also for an expression without any
 *   time, such as the 30th of February. The search for one ends after 10 ms.
 */
export function parseCron(
  { cron, timeZone }: { readonly cron: string; readonly timeZone: string },
  zones: TimeZones,
): CronTimes {
  checkCron(cron);
  const zone = zoneOf(timeZone, zones);
  const local = new Cron(cron.trim(), { mode: '5-part', utcOffset: 0, paused: true });
  // biome-ignore lint/style/noRestrictedGlobals: the calendar is wanted, not the clock.
  if (local.nextRun(new Date(0)) === null) throw invalid(errorText`cron is invalid; '${cron}' never comes`);
  return new CronTimes(local, zone);
}

function checkCron(cron: string): void {
  if (isLongerThan(cron, LIMITS.cron)) {
    throw invalid(
      errorText`cron is invalid; cannot be greater than '${LIMITS.cron}' characters`,
      'too_large',
    );
  }
  const fields = cron.trim().split(/[ \t]+/);
  if (fields.length !== FIELDS.length) {
    throw invalid(
      errorText`cron is invalid; expected five fields (minute, hour, day of the month, month, day of the week), got '${cron}'`,
    );
  }
  for (const [index, field] of FIELDS.entries()) {
    for (const part of (fields[index] as string).split(',')) checkPart(part, field);
  }
}

function checkPart(part: string, field: Field): void {
  const { first, last, step } = PART.exec(part)?.groups ?? { first: '' };
  const low = first === undefined ? field.least : numberOf(first, field);
  const high = last === undefined ? low : numberOf(last, field);
  const steps = step === undefined ? 1 : Number(step);
  const mayStep = step === undefined || first === undefined || last !== undefined;
  if (low <= high && mayStep && steps >= 1 && steps <= field.most) return;
  const { name, least, most } = field;
  throw invalid(
    errorText`cron is invalid; '${part}' is no ${verbatim(name)}: expected ${least} to ${most}, a range such as '${least}-${most}', or '*', and a step as in '*/5'`,
  );
}

/** NaN for what is no value of the field. */
function numberOf(text: string, { least, most, names = [] }: Field): number {
  const value = /^[0-9]/.test(text) ? Number(text) : names.indexOf(text.toUpperCase()) + least;
  const isNamed = /^[0-9]/.test(text) || names.includes(text.toUpperCase());
  return isNamed && value >= least && value <= most ? value : Number.NaN;
}

function zoneOf(name: string, zones: TimeZones): TimeZone {
  if (name.length <= LIMITS.timeZone && TIME_ZONE.test(name)) {
    try {
      return zones.get(name);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
    }
  }
  throw invalid(
    errorText`time_zone is invalid; '${name}' is not the name of a time zone, such as 'Europe/Berlin'`,
  );
}

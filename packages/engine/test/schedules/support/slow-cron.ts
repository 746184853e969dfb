/**
 * An oracle for cron times: tries every minute. It shares no code with the engine, and
 * reads expressions by itself.
 */
const MINUTE = 60_000;

/** The values of a field, such as `1-10/3,20`. */
function valuesOf(field: string, [least, most]: readonly [number, number], names: readonly string[]) {
  const numberOf = (text: string) => {
    const named = names.indexOf(text.toUpperCase());
    return named >= 0 ? named + least : Number(text);
  };
  const values = new Set<number>();
  for (const part of field.split(',')) {
    const [range = '', step = '1'] = part.split('/');
    const [from = '', to = from] = range.split('-');
    const low = range === '*' ? least : numberOf(from);
    const high = range === '*' ? most : numberOf(to);
    for (let value = low; value <= high; value += Number(step)) values.add(value);
  }
  return values;
}

const MONTHS = ['JAN', 'FEB', 'MAR', 'APR', 'MAY', 'JUN', 'JUL', 'AUG', 'SEP', 'OCT', 'NOV', 'DEC'];
const DAYS = ['SUN', 'MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT'];

/** Whether an expression names a local time, given in milliseconds of its wall clock. */
export function matcher(cron: string): (local: number) => boolean {
  const [minute = '', hour = '', day = '', month = '', weekday = ''] = cron.split(' ');
  const minutes = valuesOf(minute, [0, 59], []);
  const hours = valuesOf(hour, [0, 23], []);
  const days = valuesOf(day, [1, 31], []);
  const months = valuesOf(month, [1, 12], MONTHS);
  const weekdays = valuesOf(weekday, [0, 6], DAYS);
  if (weekdays.has(7)) weekdays.add(0);
  return (local) => {
    const date = new Date(local);
    const isDay = days.has(date.getUTCDate());
    const isWeekday = weekdays.has(date.getUTCDay());
    // If both are given, either will do.
    const isWanted = day !== '*' && weekday !== '*' ? isDay || isWeekday : isDay && isWeekday;
    return (
      isWanted &&
      months.has(date.getUTCMonth() + 1) &&
      hours.has(date.getUTCHours()) &&
      minutes.has(date.getUTCMinutes())
    );
  };
}

/** What the wall clock of a zone shows at each minute from one time to another. */
export function wallClock(timeZone: string, from: number, to: number): ReadonlyMap<number, number> {
  const format = new Intl.DateTimeFormat('sv-SE', { timeZone, dateStyle: 'short', timeStyle: 'medium' });
  const clock = new Map<number, number>();
  for (let at = from; at <= to; at += MINUTE) {
    clock.set(at, Date.parse(`${format.format(at).replace(' ', 'T')}Z`));
  }
  return clock;
}

/**
 * The times of an expression on a wall clock. A local time that is shown twice counts
 * at the first of them. One that is never shown counts at the first later one.
 */
export function slowTimes(cron: string, clock: ReadonlyMap<number, number>): readonly number[] {
  const isWanted = matcher(cron);
  const shown = new Map<number, number>();
  for (const [at, local] of clock) if (!shown.has(local)) shown.set(local, at);
  const locals = [...clock.values()];
  const first = locals.reduce((a, b) => Math.min(a, b));
  const last = locals.reduce((a, b) => Math.max(a, b));
  const times = new Set<number>();
  for (let local = first; local <= last; local += MINUTE) {
    if (!isWanted(local)) continue;
    let at = shown.get(local);
    for (let later = local; at === undefined && later <= last; later += MINUTE) at = shown.get(later);
    if (at !== undefined) times.add(at);
  }
  return [...times].sort((a, b) => a - b);
}

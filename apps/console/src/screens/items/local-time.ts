/**
 * A time of the address, in UTC so that it is the same for everybody, as an input of the type
 * `datetime-local` shows it: in the time zone of the browser. Empty: none.
 */
export function localOfUtc(time: string): string {
  const at = Date.parse(time);
  if (Number.isNaN(at)) return '';
  const offsetMs = new Date(at).getTimezoneOffset() * 60_000;
  return new Date(at - offsetMs).toISOString().replace(/(?:\.\d+)?Z$/, '');
}

/** The opposite of `localOfUtc`. */
export function utcOfLocal(local: string): string {
  const at = Date.parse(local);
  return Number.isNaN(at) ? '' : new Date(at).toISOString().replace('.000Z', 'Z');
}

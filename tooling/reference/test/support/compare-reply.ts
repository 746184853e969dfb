const ITEM_ID = /^[0-9A-Za-z]{27}$/;
const TIMESTAMP = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/;
const DURATION = /^-?(\d+(\.\d+)?(h|ms|m|s|µs|ns))+$/;
/** The id of a server process, and its name with its process id. */
const INSTANCE_ID = /^[0-9A-Za-z]{20}$/;
const INSTANCE_NAME = /^[^/]+\/\d+$/;
/** An API key, or its first characters. */
const API_KEY = /^qtr-([0-9a-z]+-)?[0-9A-Za-z]+$/;
/** Fields whose values differ from run to run, whatever they are. */
const VARIABLE = new Set(['observedValue', 'version', 'latency_ms']);
/** Fields of which a page shows a part: another one shows the whole. */
const SHORTENED = new Set(['reply.instances[0].capabilities']);

/** Ids of a page by the ids that the server gave in their place. */
export type ItemIds = Map<string, string>;

/**
 * Compares a reply that a page shows with the real one: the same fields in the
 * same order, and the same values except ids, times and durations.
 *
 * @param ids learns which real id stands for which one of the page.
 * @returns what differs, with its place.
 */
export function differences(shown: unknown, real: unknown, ids: ItemIds, place = 'reply'): readonly string[] {
  if (Array.isArray(shown) && Array.isArray(real)) {
    if (shown.length !== real.length)
      return [`${place}: ${shown.length} elements shown, ${real.length} sent`];
    return shown.flatMap((each, index) => differences(each, real[index], ids, `${place}[${index}]`));
  }
  if (isObject(shown) && isObject(real)) {
    const [shownKeys, realKeys] = [Object.keys(shown), Object.keys(real)];
    if (shownKeys.join() !== realKeys.join())
      return [`${place}: fields ${shownKeys} shown, ${realKeys} sent`];
    return shownKeys
      .filter((key) => !VARIABLE.has(key) && !SHORTENED.has(`${place}.${key}`))
      .flatMap((key) => differences(shown[key], real[key], ids, `${place}.${key}`));
  }
  return isSameValue(shown, real, ids) ? [] : [`${place}: ${show(shown)} shown, ${show(real)} sent`];
}

function isSameValue(shown: unknown, real: unknown, ids: ItemIds): boolean {
  if (typeof shown !== 'string' || typeof real !== 'string') return shown === real;
  if (shown === real) return true;
  if (ITEM_ID.test(shown) && ITEM_ID.test(real)) {
    const known = ids.get(shown);
    ids.set(shown, real);
    return known === undefined || known === real;
  }
  return [TIMESTAMP, DURATION, INSTANCE_ID, INSTANCE_NAME, API_KEY].some(
    (pattern) => pattern.test(shown) && pattern.test(real),
  );
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function show(value: unknown): string {
  return JSON.stringify(value) ?? 'nothing';
}

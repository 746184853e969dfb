/**
 * Table care: when autovacuum looks after an items table. An item leaves two
 * dead rows behind, one when it is leased and one when it is completed, so the
 * default of a fifth of the table would let a queue with ten million waiting
 * items gather two million of them first.
 *
 * - one row in fifty, and at least a thousand: often enough to stay small, not
 *   so often that a long queue's indexes are read all the time;
 * - ten times the default cost limit: a vacuum that is as slow as the default
 *   makes it falls behind a busy queue.
 *
 * The TOAST table of large payloads takes these values over by itself. A fill
 * factor is left out on purpose: each update changes an indexed column, so none
 * could stay on its page without new index entries (measured: no HOT updates).
 */
export const ITEMS_STORAGE_PARAMETERS: Readonly<Record<string, string>> = {
  autovacuum_vacuum_scale_factor: '0.02',
  autovacuum_vacuum_threshold: '1000',
  autovacuum_vacuum_cost_limit: '2000',
};

/**
 * Those of the parameters that a table has no value for. A value that somebody
 * has set, whatever it is, stays.
 *
 * @param options `pg_class.reloptions`: `name=value` each, or null.
 */
export function missingParameters(options: readonly string[] | null): Readonly<Record<string, string>> {
  const set = new Set((options ?? []).map((option) => option.split('=', 1)[0]));
  return Object.fromEntries(Object.entries(ITEMS_STORAGE_PARAMETERS).filter(([name]) => !set.has(name)));
}

/** Parameters as a list for WITH or SET. The values here are numbers and need no quotes. */
export function renderParameters(parameters: Readonly<Record<string, string>>): string {
  return Object.entries(parameters)
    .map(([name, value]) => `${name} = ${value}`)
    .join(', ');
}

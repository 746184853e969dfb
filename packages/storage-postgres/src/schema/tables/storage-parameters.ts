/**
 * When autovacuum processes an items table. Each item leaves two dead rows, one by its
 * lease and one by its completion. By default autovacuum starts at a fifth of the
 * table, which is two million rows for ten million waiting items.
 *
 * - One row in fifty, and at least a thousand. That keeps the table small, but does
 *   not read a long queue's indexes all the time.
 * - Ten times the default cost limit: with the default, vacuum falls behind a busy
 *   queue.
 *
 * The TOAST table of large payloads inherits these values. There is no fill factor
 * because each update changes an indexed column, so no update is HOT (measured: none).
 */
export const ITEMS_STORAGE_PARAMETERS: Readonly<Record<string, string>> = {
  autovacuum_vacuum_scale_factor: '0.02',
  autovacuum_vacuum_threshold: '1000',
  autovacuum_vacuum_cost_limit: '2000',
};

/**
 * The parameters that a table has no value for. Values set by an operator stay.
 *
 * @param options `pg_class.reloptions`: `name=value` each, or null.
 */
export function missingParameters(options: readonly string[] | null): Readonly<Record<string, string>> {
  const set = new Set((options ?? []).map((option) => option.split('=', 1)[0]));
  return Object.fromEntries(Object.entries(ITEMS_STORAGE_PARAMETERS).filter(([name]) => !set.has(name)));
}

/** Parameters as a list for WITH or SET. The values are numbers, and need no quotes. */
export function renderParameters(parameters: Readonly<Record<string, string>>): string {
  return Object.entries(parameters)
    .map(([name, value]) => `${name} = ${value}`)
    .join(', ');
}

import type { AuditListRequest } from '@querator/core';
import type { Statement } from '../database/database.ts';
import { asciiText } from '../sql/ascii-json.ts';
import { instantToText } from '../wire/instant-text.ts';
import { toRowId } from './audit-rows.ts';

/**
 * The most rows that a page with a filter reads. Only times and namespaces have an
 * index: the events of one user or call may be far apart.
 */
export const MOST_ROWS_READ = 5_000;

/**
 * The statement that reads a page. Rows with `is_last` are no events of the page: such
 * a row says how far the page has read, if it may not have read all.
 */
export function listEvents(audit: string, request: AuditListRequest): Statement {
  const { namespace, from, to, actor, actions, after, limit } = request;
  const values: unknown[] = [];
  const parameter = (value: unknown, type: string) => {
    values.push(value);
    return `$${values.length}::${type}`;
  };
  const inRange = [
    `at >= ${parameter(instantToText(from), 'timestamptz')}`,
    `at < ${parameter(instantToText(to), 'timestamptz')}`,
  ];
  if (namespace !== undefined) inRange.push(`namespace = ${parameter(asciiText(namespace), 'text')}`);
  if (after !== undefined) {
    const at = parameter(instantToText(after.at), 'timestamptz');
    inRange.push(`(at, id) < (${at}, ${parameter(toRowId(after), 'text')})`);
  }
  const isFiltered = actor !== undefined || actions !== undefined;
  const page = (rows: number) => `
    SELECT * FROM ${audit} WHERE ${inRange.join(' AND ')}
    ORDER BY at DESC, id DESC LIMIT ${parameter(rows, 'int')}`;
  if (!isFiltered)
    return { text: `SELECT page.*, false AS is_last FROM (${page(limit + 1)}) AS page`, values };
  const wanted: string[] = [];
  const scanned = page(MOST_ROWS_READ);
  const read = `$${values.length}`;
  if (actor !== undefined) {
    const user = parameter(asciiText(actor), 'text');
    wanted.push(`(user_id = ${user} OR username = ${user})`);
  }
  if (actions !== undefined) wanted.push(`action = ANY (${parameter(actions.map(asciiText), 'text[]')})`);
  const text = `
    WITH scanned AS MATERIALIZED (${scanned}),
      found AS (
        SELECT * FROM scanned WHERE ${wanted.join(' AND ')}
        ORDER BY at DESC, id DESC LIMIT ${parameter(limit + 1, 'int')}),
      last AS (SELECT * FROM scanned ORDER BY at, id LIMIT 1)
    SELECT found.*, false AS is_last FROM found
    UNION ALL SELECT last.*, true FROM last WHERE (SELECT count(*) FROM scanned) = ${read}
    ORDER BY is_last, at DESC, id DESC`;
  return { text, values };
}

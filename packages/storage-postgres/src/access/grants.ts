import type { Grants, UserKey } from '@querator/core';
import type { Statement } from '../database/database.ts';
import { STATE_ID } from '../schema/tables/access.ts';
import type { AccessRelations } from './access-relations.ts';
import { type ApiKeyRow, rowToApiKey, rowToUser, type UserRow } from './access-rows.ts';

const USER_COLUMNS = [
  ...(['id', 'username', 'external_id', 'email', 'created_at', 'updated_at'] as const),
] satisfies readonly (keyof UserRow)[];

const KEY_COLUMNS = [
  ...(['id', 'user_id', 'name', 'namespace_scope', 'hash', 'previous_hash', 'previous_valid_until'] as const),
  ...(['prefix', 'expires_at', 'last_used_at', 'created_at'] as const),
] satisfies readonly (keyof ApiKeyRow)[];

type Prefixed<Prefix extends string, Row> = {
  readonly [Column in keyof Row & string as `${Prefix}_${Column}`]: Row[Column];
};

/** What the statement of {@link grantsStatement} returns. The columns of the key are missing without one. */
export type GrantsRow = Prefixed<'user', UserRow> &
  Partial<Prefixed<'key', ApiKeyRow>> & {
    /** A BIGINT is a text. Null: the row of the state is missing. */
    readonly generation: string | null;
    readonly granted: readonly (readonly [namespace: string, permissions: readonly string[]])[];
  };

/** SQL for the generation. There is no row if that of the state is missing. */
export function generationSql({ state }: Pick<AccessRelations, 'state'>): string {
  return `SELECT generation FROM ${state} WHERE id = ${STATE_ID}`;
}

/**
 * A statement that reads the generation and everything else in one snapshot. The
 * database merges roles: whoever may create roles and bindings in one namespace could
 * make a list of them that no process can hold.
 *
 * @returns also which kind of key it is for, as a part of names.
 */
export function grantsStatement(
  key: UserKey,
  relations: AccessRelations,
): Required<Pick<Statement, 'text' | 'values'>> & { readonly kind: string } {
  const { bindings, roles } = relations;
  const { kind, columns, from, text } = userOf(key, relations);
  return {
    kind,
    text: `
      SELECT (${generationSql(relations)}) AS generation, ${columns.join(', ')},
        (SELECT coalesce(json_agg(json_build_array(namespace, permissions)), '[]')
          FROM (SELECT bound.namespace, json_agg(DISTINCT listed.permission) AS permissions
            FROM ${bindings} AS bound JOIN ${roles} AS role ON role.id = bound.role_id
              CROSS JOIN LATERAL jsonb_array_elements_text(role.permissions) AS listed (permission)
            WHERE bound.user_id = person.id GROUP BY bound.namespace) AS merged) AS granted
      FROM ${from}`,
    values: [text],
  };
}

function userOf(key: UserKey, { users, apiKeys }: AccessRelations) {
  const columns = prefixed('user', 'person', USER_COLUMNS);
  if ('userId' in key) {
    return { kind: 'id', columns, from: `${users} AS person WHERE person.id = $1`, text: key.userId };
  }
  if ('username' in key) {
    return { kind: 'name', columns, from: `${users} AS person WHERE username = $1`, text: key.username };
  }
  const keys = `SELECT * FROM ${apiKeys} WHERE hash = $1 UNION ALL SELECT * FROM ${apiKeys} WHERE previous_hash = $1`;
  return {
    kind: 'hash',
    columns: [...columns, ...prefixed('key', 'key', KEY_COLUMNS)],
    from: `(${keys}) AS key JOIN ${users} AS person ON person.id = key.user_id`,
    text: key.keyHash,
  };
}

function prefixed(prefix: string, table: string, columns: readonly string[]): readonly string[] {
  return columns.map((column) => `${table}.${column} AS ${prefix}_${column}`);
}

/** The grants in a row. */
export function rowToGrants(row: GrantsRow): Grants {
  return {
    generation: Number(row.generation ?? 0),
    user: rowToUser(part<UserRow>(row, 'user', USER_COLUMNS)),
    apiKey: row.key_id === undefined ? undefined : rowToApiKey(part<ApiKeyRow>(row, 'key', KEY_COLUMNS)),
    permissions: permissionsOf(row),
  };
}

/** The columns of one table. */
function part<Row>(row: GrantsRow, prefix: string, columns: readonly (keyof Row & string)[]): Row {
  const all = row as unknown as Readonly<Record<string, unknown>>;
  return Object.fromEntries(columns.map((column) => [column, all[`${prefix}_${column}`]])) as Row;
}

function permissionsOf({ granted }: Pick<GrantsRow, 'granted'>): ReadonlyMap<string, ReadonlySet<string>> {
  return new Map(granted.map(([namespace, permissions]) => [namespace, new Set(permissions)]));
}

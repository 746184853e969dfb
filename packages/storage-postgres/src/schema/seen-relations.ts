import { type TableCode, tableCodeSql } from './foreign-code.ts';

/** A relation with the name of one of ours. */
export interface SeenRelation {
  readonly schema: string;
  readonly name: string;
  readonly owner: string;
  /** Its owner, and for tables the code that would run with our rights. */
  readonly code: TableCode;
}

/**
 * SQL for relations as JSON, a list of {@link SeenRelation}. Reads the catalogue instead
 * of `to_regclass`, which uses the session's cache. In a transaction that waited for a
 * lock, the cache lacks what was created meanwhile.
 *
 * @param schemas SQL for the schemas to look in, an array of texts.
 * @param names the relations to look for.
 */
export function seenRelationsSql(schemas: string, names: readonly string[]): string {
  const listed = names.map((name) => `'${name}'`).join(', ');
  return `(SELECT coalesce(json_agg(json_build_object('schema', nspname, 'name', relname, 'owner', owner.rolname,
        'code', ${tableCodeSql('class')})), '[]')
      FROM pg_class AS class
        JOIN pg_namespace ON pg_namespace.oid = relnamespace
        JOIN pg_roles AS owner ON owner.oid = relowner
      WHERE nspname = ANY (${schemas}) AND relname IN (${listed}))`;
}

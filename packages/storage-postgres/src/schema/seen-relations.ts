import { type TableCode, tableCodeSql } from './foreign-code.ts';

/** A relation with the name of one of ours. */
export interface SeenRelation {
  readonly schema: string;
  readonly name: string;
  readonly owner: string;
  /** Whether its owner is this role, a superuser, or the owner of the schema or the database. */
  readonly trusted: boolean;
  /** Code that would run with our rights, for tables. */
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
        'trusted', owner.oid = me.oid OR owner.rolsuper OR owner.oid IN (nspowner, datdba)
          OR NOT me.rolsuper AND pg_has_role(owner.oid, 'USAGE'), 'code', ${tableCodeSql('class')})), '[]')
      FROM pg_class AS class
        JOIN pg_namespace ON pg_namespace.oid = relnamespace
        JOIN pg_roles AS owner ON owner.oid = relowner
        JOIN pg_roles AS me ON me.rolname = current_user
        JOIN pg_database ON datname = current_database()
      WHERE nspname = ANY (${schemas}) AND relname IN (${listed}))`;
}

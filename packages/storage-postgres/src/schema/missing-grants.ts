import type { Database } from '../database/database.ts';
import { quotedName } from '../database/quoted-name.ts';
import { isPermissionDenied, NO_SCHEMA, PostgresError } from '../errors/postgres-error.ts';

/**
 * PostgreSQL reports what it refused, but not the missing right. This finds the rights
 * that are missing. The CASE avoids asking for a sequence's rights on a table, which
 * is an error.
 */
const MISSING = `
  WITH place AS (
    SELECT pg_namespace.oid, nspname
    FROM unnest(string_to_array($2, ',')) WITH ORDINALITY AS path (name, position)
      JOIN pg_namespace ON nspname = replace(trim(name, ' "'), '$user', current_user)
    ORDER BY position LIMIT 1),
  relation AS (
    SELECT pg_class.oid, relkind, relname FROM pg_class JOIN place ON relnamespace = place.oid
    WHERE relname = ANY ($1::text[]))
  SELECT format('%s ON SCHEMA %I', wanted, nspname) AS right
  FROM place, unnest(ARRAY['USAGE', 'CREATE']) AS wanted
  WHERE NOT has_schema_privilege(place.oid, wanted)
    AND (wanted = 'USAGE' OR (SELECT count(*) FROM relation) < cardinality($1::text[]))
  UNION ALL
  SELECT format('%s ON TABLE %I', wanted, relname)
  FROM relation, unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) AS wanted
  WHERE relkind = 'r' AND NOT has_table_privilege(oid, wanted)
  UNION ALL
  SELECT format('USAGE ON SEQUENCE %I', relname)
  FROM relation WHERE CASE relkind WHEN 'S' THEN NOT has_sequence_privilege(oid, 'USAGE') END`;

/**
 * Adds the missing GRANTs to an error about rights. Returns any other error as it is,
 * and this one too if nothing is found.
 *
 * @param relations the tables and sequences that were to be used or created.
 */
export async function nameMissingGrants(
  error: unknown,
  db: Database,
  relations: readonly string[],
): Promise<unknown> {
  if (!(error instanceof PostgresError)) return error;
  if (!isPermissionDenied(error) && error.sqlState !== NO_SCHEMA) return error;
  const { message, outcome, sqlState, connectionLost, timedOut } = error;
  try {
    // The schema of the tables, or the path in which they were searched for.
    const path = db.schema.name === undefined ? (await db.searchPath()).text : quotedName(db.schema.name);
    const grants = await missingGrants(db, relations, path);
    if (grants.length === 0) return error;
    return new PostgresError(`${message}; missing: ${grants.join('; ')}`, {
      outcome,
      sqlState,
      connectionLost,
      timedOut,
    });
  } catch {
    return error;
  }
}

/**
 * The GRANTs with which this user can use or create these tables and sequences.
 *
 * @param path a search path, of which the first existing schema counts.
 */
export async function missingGrants(
  db: Database,
  relations: readonly string[],
  path: string,
): Promise<readonly string[]> {
  const rows = await db.read<{ right: string; role: string }>({
    text: `SELECT missing.right, quote_ident(current_user) AS role FROM (${MISSING}) AS missing`,
    values: [relations, path],
  });
  return rows.map(({ right, role }) => `GRANT ${right} TO ${role}`);
}

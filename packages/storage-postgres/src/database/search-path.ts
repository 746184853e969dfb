import { CATALOGUE_ONLY } from '../connection/session-options.ts';
import { toSafeStatement } from '../settings/server-settings.ts';

/** Restricts a session's search path to PostgreSQL's catalogue while the connection is open. */
export const NARROW: string = toSafeStatement([CATALOGUE_ONLY], 'session');
/** The same for one transaction. */
export const NARROW_LOCALLY = `SET LOCAL ${CATALOGUE_ONLY.name} = ${CATALOGUE_ONLY.value}`;

/** The schemas of a search path, and its text. */
export interface SearchPath {
  /** Schemas that exist and may be used, in order, without PostgreSQL's own. */
  readonly schemas: readonly string[];
  readonly text: string;
}

/** Reads a {@link SearchPath}. Has to work under any search path, so it names the schema of everything. */
export const SEARCH_PATH = `SELECT pg_catalog.current_schemas(false)::pg_catalog.text[] AS schemas,
  pg_catalog.current_setting('search_path') AS text`;

/** The search path in the answer. */
export function toSearchPath({ schemas = [], text = '' }: Partial<SearchPath> = {}): SearchPath {
  // Names with this prefix are PostgreSQL's own.
  return { schemas: schemas.filter((name) => !name.startsWith('pg_')), text };
}

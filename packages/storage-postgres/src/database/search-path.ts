import { CATALOGUE_ONLY } from '../connection/session-options.ts';
import { toSafeStatement } from '../settings/server-settings.ts';

/** Narrows a session's search path for as long as the connection is open. */
export const NARROW: string = toSafeStatement([CATALOGUE_ONLY], 'session');
/** The same for one transaction. */
export const NARROW_LOCALLY = `SET LOCAL ${CATALOGUE_ONLY.name} = ${CATALOGUE_ONLY.value}`;

/** The schemas that a search path leads to, and the path as it was written. */
export interface SearchPath {
  /** Those that are there and may be used, in order; without PostgreSQL's own. */
  readonly schemas: readonly string[];
  readonly text: string;
}

/** Asks for a {@link SearchPath}. Runs under any search path, so nothing in it is looked up by one. */
export const SEARCH_PATH = `SELECT pg_catalog.current_schemas(false)::pg_catalog.text[] AS schemas,
  pg_catalog.current_setting('search_path') AS text`;

/** What the answer comes to. */
export function toSearchPath({ schemas = [], text = '' }: Partial<SearchPath> = {}): SearchPath {
  // Names that begin so are PostgreSQL's own.
  return { schemas: schemas.filter((name) => !name.startsWith('pg_')), text };
}

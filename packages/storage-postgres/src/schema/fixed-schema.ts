import { createHash } from 'node:crypto';
import { withBriefLocks } from '../database/brief-locks.ts';
import type { Database, Session } from '../database/database.ts';
import { qualifiedName } from '../database/quoted-name.ts';
import { isPermissionDenied } from '../errors/postgres-error.ts';
import { ITEM_ID_SEQUENCE } from '../sql/table-name.ts';
import { getTableName } from './drizzle.ts';
import { type TableCode, tableCodeFault } from './foreign-code.ts';
import { createUnlessRefused } from './migrations/hash-index.ts';
import type { Migration } from './migrations/migration.ts';
import { FIRST_VERSION, newestVersion } from './migrations/migrations.ts';
import { type SeenRelation, seenRelationsSql } from './seen-relations.ts';
import { type ServerVersion, serverVersionFault } from './server-version.ts';
import { deletedQueuesTable } from './tables/deleted-queues.ts';
import { itemIdSequence } from './tables/item-id-sequence.ts';
import { QUEUES, QUEUES_BY_HASH, queuesTable } from './tables/queues.ts';
import { type NameRelation, renderSequence, renderTable } from './tables/render-ddl.ts';
import { schemaVersionTable } from './tables/schema-version.ts';

const VERSIONS = getTableName(schemaVersionTable);

/**
 * The relations that do not depend on queues: the queues' settings, the sequence of
 * item ids, the versions.
 */
export const FIXED_RELATIONS: readonly string[] = [QUEUES, ITEM_ID_SEQUENCE, VERSIONS];
/** Those that every request needs. */
export const USED_RELATIONS: readonly string[] = [QUEUES, ITEM_ID_SEQUENCE];
const create = (nameOf: NameRelation): readonly string[] => [
  renderSequence(itemIdSequence, nameOf),
  ...renderTable(queuesTable, { nameOf }),
  ...renderTable(schemaVersionTable, { nameOf }),
];
/** Tables that are checked for triggers and other foreign code. */
const CHECKED_TABLES = new Set([QUEUES, VERSIONS, getTableName(deletedQueuesTable)]);
const INSPECTED = [...FIXED_RELATIONS, ...CHECKED_TABLES, QUEUES_BY_HASH];
/** The name of the lock for creating or changing the tables that do not depend on queues. */
export const SCHEMA_LOCK = 'querator schema';
/** How long to wait for the locks of a migration. */
const MIGRATION_WAIT_MS = 30_000;
/** The first version with {@link QUEUES_BY_HASH}. */
const VERSION_WITH_HASHES = 2;

/** The result of an inspection of the database. */
interface Found {
  readonly server: ServerVersion;
  /** The schema of the tables, or the one to create them in. */
  readonly schema: string;
  /** Undefined: there is nothing that a migration could change. */
  readonly version: number | undefined;
  /** Whether the version is recorded, and not only derived from the existing relations. */
  readonly recorded: boolean;
  /** Whether everything that requests need exists. The versions are not needed. */
  readonly usable: boolean;
}

/** Dependencies of provisioning the fixed tables. */
export interface FixedSchemaDeps {
  readonly migrations: readonly Migration[];
  /** Creates the error for a server or a database that cannot be used. */
  readonly refuse: (reason: string) => Error;
  /** Creates the error for a search path without a schema. */
  readonly noSchema: () => Error;
  readonly warn: (message: string, fields: Readonly<Record<string, unknown>>) => void;
  /** Logs policies and rules on a table of ours. */
  readonly warnOnce: (table: string, code: TableCode) => void;
}

/**
 * Creates missing fixed tables, and migrates tables of an older version. Checks first:
 * mostly everything exists, and a user who may not create tables can still use them.
 *
 * Any number of processes may do this at once. One of them works, in one transaction,
 * and the others find the result. A database without recorded versions is treated as
 * {@link FIRST_VERSION}.
 *
 * Also determines the schema, in `db.schema`.
 */
export async function provisionFixedSchema(db: Database, deps: FixedSchemaDeps): Promise<void> {
  const { migrations } = deps;
  const newest = newestVersion(migrations);
  const check = (found: Found) => {
    db.schema.determine(found.schema);
    return checked(found, deps);
  };
  const isUsable = (found: Found) => found.usable && found.version === newest;
  const { schemas } = await db.searchPath();
  const place: Place = { schemas, deps };
  const before = check(await inspect((statement) => db.read(statement), place));
  if (isUsable(before) && before.recorded) return;
  try {
    const locks = { tables: FIXED_RELATIONS, schema: () => db.schema.name, waitMs: MIGRATION_WAIT_MS };
    await withBriefLocks(db, locks, async (session) => {
      await lockSchema(session, SCHEMA_LOCK);
      // A long reader of the queues' table, such as a backup, must not block all servers.
      await session.waitBriefly();
      const found = check(await inspect((statement) => session.query(statement), place));
      if (isUsable(found) && found.recorded) return;
      await bringTo(session, found, { migrations, nameOf: (name) => db.schema.relation(name) });
    });
  } catch (error) {
    // Only the record of the version is missing. A user with the right for it will add it.
    if (!(isUsable(before) && isPermissionDenied(error))) throw error;
  }
}

/** The result of an inspection of the fixed tables. */
export type FixedSchemaState = Pick<Found, 'schema'>;

/**
 * Checks whether the fixed tables can be used or created. Creates nothing, and leaves
 * `db.schema` unchanged.
 *
 * @throws what `provisionFixedSchema` throws for a server or a database that cannot be
 *   used.
 */
export async function inspectFixedSchema(db: Database, deps: FixedSchemaDeps): Promise<FixedSchemaState> {
  const { name } = db.schema;
  // A schema in use stays, whatever a later inspection would choose.
  const schemas = name === undefined ? (await db.searchPath()).schemas : [name];
  const silent: FixedSchemaDeps = { ...deps, warn: () => {}, warnOnce: () => {} };
  const found = await inspect((statement) => db.read(statement), { schemas, deps: silent });
  return checked(found, deps);
}

/** @throws Error when the version of the server or the tables cannot be used. */
function checked(found: Found, { migrations, refuse }: FixedSchemaDeps): Found {
  const newest = newestVersion(migrations);
  const fault = serverVersionFault(found.server) ?? schemaVersionFault(found.version, newest);
  if (fault !== undefined) throw refuse(fault);
  return found;
}

/**
 * Takes the lock for creating or changing something, until the transaction ends.
 * PostgreSQL's IF NOT EXISTS alone lets two creators collide.
 *
 * @param name of the thing to create or change.
 */
export async function lockSchema(session: Session, name: string): Promise<void> {
  const key = createHash('sha256').update(`querator:${name}`).digest().readBigInt64BE();
  await session.query({ text: 'SELECT pg_advisory_xact_lock($1::bigint)', values: [key.toString()] });
}

function schemaVersionFault(version: number | undefined, newest: number): string | undefined {
  if (version === undefined || version <= newest) return undefined;
  return (
    `the tables in this database have version ${version}, of a newer Querator; ` +
    `this one knows versions up to ${newest}`
  );
}

const INSPECT = `
  SELECT current_setting('server_version_num')::int AS number, current_setting('server_version') AS text,
    ${seenRelationsSql('$1::text[]', INSPECTED)} AS relations`;

/** Where an inspection looks for tables. */
interface Place {
  /** In the order of the search path. */
  readonly schemas: readonly string[];
  readonly deps: FixedSchemaDeps;
}

async function inspect(query: Session['query'], place: Place): Promise<Found> {
  const { schemas, deps } = place;
  const [seen] = await query<ServerVersion & { readonly relations: readonly SeenRelation[] }>({
    text: INSPECT,
    values: [schemas],
  });
  if (seen === undefined) throw new Error('a SELECT without FROM gave no row');
  const { relations: all, ...server } = seen;
  const schema = chooseSchema(all, place);
  const ours = all.filter((each) => each.schema === schema);
  checkRelations(ours, deps);
  const relations = ours.map(({ name }) => name);
  const usable = USED_RELATIONS.every((name) => relations.includes(name));
  // An old server may not support the next statement.
  if (relations.includes(VERSIONS) && serverVersionFault(server) === undefined) {
    const text = `SELECT max(version) AS version FROM ${qualifiedName(schema, VERSIONS)}`;
    const [row] = await query<{ version: number | null }>({ text });
    if (row?.version != null) return { server, schema, version: row.version, recorded: true, usable };
  }
  const concluded = relations.includes(QUEUES_BY_HASH) ? VERSION_WITH_HASHES : FIRST_VERSION;
  // Other relations, such as a restored sequence, are the same in all versions.
  const version = relations.includes(QUEUES) ? concluded : undefined;
  return { server, schema, version, recorded: false, usable };
}

/**
 * The first schema of the search path, where PostgreSQL would create our tables. If it
 * has none of them and a later schema does, the later one, as PostgreSQL would find
 * it. A later one only counts if no other user can have created the tables in it.
 */
function chooseSchema(relations: readonly SeenRelation[], { schemas, deps }: Place): string {
  const [first] = schemas;
  if (first === undefined) throw deps.noSchema();
  const queuesIn = (schema: string) =>
    relations.find((each) => each.name === QUEUES && each.schema === schema);
  if (queuesIn(first) !== undefined) return first;
  for (const schema of schemas.slice(1)) {
    const queues = queuesIn(schema);
    if (queues?.code.trusted) return schema;
    if (queues === undefined) continue;
    deps.warn('a table of another role is ignored; the first schema of the search path is used', {
      table: `${schema}.${QUEUES}`,
      owner: queues.owner,
      schema: first,
    });
  }
  return first;
}

/** @throws Error when a table would run foreign code, or a relation of another kind has its name. */
function checkRelations(
  relations: readonly SeenRelation[],
  { refuse, warn, warnOnce }: FixedSchemaDeps,
): void {
  for (const { name, owner, code } of relations) {
    if (CHECKED_TABLES.has(name)) {
      const fault = tableCodeFault(name, code);
      if (fault !== undefined) throw refuse(fault);
      warnOnce(name, code);
    } else if (name === ITEM_ID_SEQUENCE) {
      if (code.kind !== 'S') throw refuse(`${name} is no sequence; its owner is role "${owner}"`);
      if (!code.trusted)
        warn('the sequence of item ids belongs to another role, which can set it back', {
          sequence: name,
          owner,
        });
    }
  }
}

/**
 * Runs the migrations first, since they change what an older version has created. Then
 * creates what is missing as the newest version defines it.
 */
async function bringTo(
  session: Session,
  found: Found,
  { migrations, nameOf }: { readonly migrations: readonly Migration[]; readonly nameOf: NameRelation },
): Promise<void> {
  const due = migrations.filter(({ version }) => found.version !== undefined && version > found.version);
  for (const migration of due) await migration.migrate(session, nameOf);
  for (const text of create(nameOf)) {
    if (text.includes(QUEUES_BY_HASH)) await createUnlessRefused(session, text);
    else await session.query({ text });
  }
  const reached = due.map(({ version }) => version);
  if (!found.recorded) reached.unshift(found.version ?? newestVersion(migrations));
  await session.query({
    text: `INSERT INTO ${nameOf(VERSIONS)} (version, applied_at)
      SELECT unnest($1::int[]), statement_timestamp() ON CONFLICT DO NOTHING`,
    values: [reached],
  });
}

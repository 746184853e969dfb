import { createHash } from 'node:crypto';
import { getTableName } from 'drizzle-orm';
import { withBriefLocks } from '../database/brief-locks.ts';
import type { Database, Session } from '../database/database.ts';
import { qualifiedName } from '../database/quoted-name.ts';
import { isPermissionDenied } from '../errors/postgres-error.ts';
import { ITEM_ID_SEQUENCE } from '../sql/table-name.ts';
import { type TableCode, tableCodeFault, tableCodeSql } from './foreign-code.ts';
import { createUnlessRefused } from './migrations/hash-index.ts';
import type { Migration } from './migrations/migration.ts';
import { FIRST_VERSION, newestVersion } from './migrations/migrations.ts';
import { type ServerVersion, serverVersionFault } from './server-version.ts';
import { deletedQueuesTable } from './tables/deleted-queues.ts';
import { itemIdSequence } from './tables/item-id-sequence.ts';
import { QUEUES, QUEUES_BY_HASH, queuesTable } from './tables/queues.ts';
import { type NameRelation, renderSequence, renderTable } from './tables/render-ddl.ts';
import { schemaVersionTable } from './tables/schema-version.ts';

const VERSIONS = getTableName(schemaVersionTable);

/** What there is whatever queues there are: the queues' settings, the sequence of item ids, the versions. */
export const FIXED_RELATIONS: readonly string[] = [QUEUES, ITEM_ID_SEQUENCE, VERSIONS];
/** Those of them that every request rests on. */
export const USED_RELATIONS: readonly string[] = [QUEUES, ITEM_ID_SEQUENCE];
const create = (nameOf: NameRelation): readonly string[] => [
  renderSequence(itemIdSequence, nameOf),
  ...renderTable(queuesTable, { nameOf }),
  ...renderTable(schemaVersionTable, { nameOf }),
];
/** Tables whose triggers and the like are looked at. */
const CHECKED_TABLES = new Set([QUEUES, VERSIONS, getTableName(deletedQueuesTable)]);
const INSPECTED = [...FIXED_RELATIONS, ...CHECKED_TABLES, QUEUES_BY_HASH].map((name) => `'${name}'`);
const LOCK = 'querator schema';
/** How long to wait for those who hold a table that is to be changed. */
const MIGRATION_WAIT_MS = 30_000;
/** The version since which there is {@link QUEUES_BY_HASH}. */
const VERSION_WITH_HASHES = 2;

/** What a look at the database found. */
interface Found {
  readonly server: ServerVersion;
  /** Where the tables are, or would be made. */
  readonly schema: string;
  /** Undefined: nothing is there that a migration could change. */
  readonly version: number | undefined;
  /** Whether the version is written down, and not only concluded from what is there. */
  readonly recorded: boolean;
  /** Whether all is there that requests use; the versions are not. */
  readonly usable: boolean;
}

/** A relation with the name of one of ours. */
interface SeenRelation {
  readonly schema: string;
  readonly name: string;
  readonly owner: string;
  /** Whether its owner is we, a superuser, or who owns the schema or the database anyway. */
  readonly trusted: boolean;
  /** What would run with our rights; of tables only. */
  readonly code: TableCode;
}

/** What keeping the schema needs to know, and whom to tell. */
export interface FixedSchemaDeps {
  readonly migrations: readonly Migration[];
  /** Makes the error for a server or a database that cannot be used. */
  readonly refuse: (reason: string) => Error;
  /** Makes the error for a search path that leads nowhere. */
  readonly noSchema: () => Error;
  readonly warn: (message: string, fields: Readonly<Record<string, unknown>>) => void;
  /** Tells of policies and rules on a table of ours. */
  readonly warnOnce: (table: string, code: TableCode) => void;
}

/**
 * Makes what is missing of the fixed tables, and brings the tables of an older
 * version to ours. Looks first: mostly all is there, and a user who may not
 * create tables can use them all the same.
 *
 * Any number of processes may do this at once: one works, in one transaction,
 * and the others find it done. A database from before versions were written
 * down is taken as {@link FIRST_VERSION}.
 *
 * Finds out in which schema all that is, for `db.schema`.
 */
export async function provisionFixedSchema(db: Database, deps: FixedSchemaDeps): Promise<void> {
  const { migrations } = deps;
  const newest = newestVersion(migrations);
  const check = (found: Found) => {
    db.schema.found(found.schema);
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
      await lockSchema(session, LOCK);
      // Who reads the queues' table for long, such as a backup, must not make all servers wait.
      await session.waitBriefly();
      const found = check(await inspect((statement) => session.query(statement), place));
      if (isUsable(found) && found.recorded) return;
      await bringTo(session, found, { migrations, nameOf: (name) => db.schema.relation(name) });
    });
  } catch (error) {
    // All that could not be done is to write the version down: whoever has the right does it another time.
    if (!(isUsable(before) && isPermissionDenied(error))) throw error;
  }
}

/** What an inspection of the fixed tables found. */
export type FixedSchemaState = Pick<Found, 'schema'>;

/**
 * Looks whether the fixed tables can be used as they are, or made. Makes
 * nothing, and leaves `db.schema` as it is.
 *
 * @throws what `provisionFixedSchema` throws for a server or a database that cannot be used.
 */
export async function inspectFixedSchema(db: Database, deps: FixedSchemaDeps): Promise<FixedSchemaState> {
  const { name } = db.schema;
  // What is in use counts, whatever a later look would choose.
  const schemas = name === undefined ? (await db.searchPath()).schemas : [name];
  const silent: FixedSchemaDeps = { ...deps, warn: () => {}, warnOnce: () => {} };
  const found = await inspect((statement) => db.read(statement), { schemas, deps: silent });
  return checked(found, deps);
}

/** @throws Error where the server or the tables are of a version that cannot be used. */
function checked(found: Found, { migrations, refuse }: FixedSchemaDeps): Found {
  const newest = newestVersion(migrations);
  const fault = serverVersionFault(found.server) ?? schemaVersionFault(found.version, newest);
  if (fault !== undefined) throw refuse(fault);
  return found;
}

/**
 * One at a time over all processes: PostgreSQL's IF NOT EXISTS alone lets two
 * creators collide. The lock ends with the transaction.
 *
 * @param name of what is made or changed.
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

/**
 * Reads the catalogue and does not ask `to_regclass`: that one goes by what the
 * session remembers, and in a transaction that has waited for the lock it does
 * not see what was made meanwhile.
 */
const INSPECT = `
  SELECT current_setting('server_version_num')::int AS number, current_setting('server_version') AS text,
    (SELECT coalesce(json_agg(json_build_object('schema', nspname, 'name', relname, 'owner', owner.rolname,
        'trusted', owner.oid = me.oid OR owner.rolsuper OR owner.oid IN (nspowner, datdba)
          OR NOT me.rolsuper AND pg_has_role(owner.oid, 'USAGE'), 'code', ${tableCodeSql('class')})), '[]')
      FROM pg_class AS class
        JOIN pg_namespace ON pg_namespace.oid = relnamespace
        JOIN pg_roles AS owner ON owner.oid = relowner
        JOIN pg_roles AS me ON me.rolname = current_user
        JOIN pg_database ON datname = current_database()
      WHERE nspname = ANY ($1::text[])
        AND relname IN (${INSPECTED.join(', ')})
    ) AS relations`;

/** Where a look looks. */
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
  // A server too old may not know what comes next.
  if (relations.includes(VERSIONS) && serverVersionFault(server) === undefined) {
    const text = `SELECT max(version) AS version FROM ${qualifiedName(schema, VERSIONS)}`;
    const [row] = await query<{ version: number | null }>({ text });
    if (row?.version != null) return { server, schema, version: row.version, recorded: true, usable };
  }
  const concluded = relations.includes(QUEUES_BY_HASH) ? VERSION_WITH_HASHES : FIRST_VERSION;
  // What else may be there, a sequence that was restored for one, has been the same in all versions.
  const version = relations.includes(QUEUES) ? concluded : undefined;
  return { server, schema, version, recorded: false, usable };
}

/**
 * The first schema of the search path, in which PostgreSQL would make our
 * tables, unless it has none and a later one does: as PostgreSQL finds tables.
 * A later one counts only where nobody can have planted them there.
 */
function chooseSchema(relations: readonly SeenRelation[], { schemas, deps }: Place): string {
  const [first] = schemas;
  if (first === undefined) throw deps.noSchema();
  const queuesIn = (schema: string) =>
    relations.find((each) => each.name === QUEUES && each.schema === schema);
  if (queuesIn(first) !== undefined) return first;
  for (const schema of schemas.slice(1)) {
    const queues = queuesIn(schema);
    if (queues?.trusted) return schema;
    if (queues === undefined) continue;
    deps.warn('a table of another role is passed over; the first schema of the search path is used', {
      ...{ table: `${schema}.${QUEUES}`, owner: queues.owner, schema: first },
    });
  }
  return first;
}

/** @throws Error where a table would run foreign code, or what stands there is none. */
function checkRelations(
  relations: readonly SeenRelation[],
  { refuse, warn, warnOnce }: FixedSchemaDeps,
): void {
  for (const { name, owner, trusted, code } of relations) {
    if (CHECKED_TABLES.has(name)) {
      const fault = tableCodeFault(name, code);
      if (fault !== undefined) throw refuse(fault);
      warnOnce(name, code);
    } else if (name === ITEM_ID_SEQUENCE) {
      if (code.kind !== 'S') throw refuse(`${name} is no sequence; its owner is role "${owner}"`);
      if (!trusted)
        warn('the sequence of item ids belongs to another role, which can set it back', {
          sequence: name,
          owner,
        });
    }
  }
}

/**
 * What is missing is made as the newest version has it, after the migrations:
 * these change what an older version made.
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

import { createHash } from 'node:crypto';
import { getTableName } from 'drizzle-orm';
import type { Database, Session } from './database.ts';
import { isPermissionDenied } from './postgres-error.ts';
import { ITEM_ID_SEQUENCE, itemIdSequence } from './schema/item-id-sequence.ts';
import { FIRST_VERSION, type Migration, newestVersion } from './schema/migrations.ts';
import { QUEUES_BY_HASH, queuesTable } from './schema/queues.ts';
import { renderSequence, renderTable } from './schema/render-ddl.ts';
import { schemaVersionTable } from './schema/schema-version.ts';
import { type ServerVersion, serverVersionFault } from './server-version.ts';

const QUEUES = getTableName(queuesTable);
const VERSIONS = getTableName(schemaVersionTable);

/** What there is whatever queues there are: the queues' settings, the sequence of item ids, the versions. */
export const FIXED_RELATIONS: readonly string[] = [QUEUES, ITEM_ID_SEQUENCE, VERSIONS];
const CREATE: readonly string[] = [
  renderSequence(itemIdSequence),
  ...renderTable(queuesTable),
  ...renderTable(schemaVersionTable),
];
const LOCK = 'querator schema';
/** The version since which there is {@link QUEUES_BY_HASH}. */
const VERSION_WITH_HASHES = 2;

/** What a look at the database found. */
interface Found {
  readonly server: ServerVersion;
  /** Undefined: nothing is there that a migration could change. */
  readonly version: number | undefined;
  /** Whether the version is written down, and not only concluded from what is there. */
  readonly recorded: boolean;
  /** Whether all is there that requests use; the versions are not. */
  readonly usable: boolean;
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
 * @param refuse makes the error for a server or a database that cannot be used.
 */
export async function keepFixedSchema(
  db: Database,
  migrations: readonly Migration[],
  refuse: (reason: string) => Error,
): Promise<void> {
  const newest = newestVersion(migrations);
  const check = (found: Found) => {
    const fault = serverVersionFault(found.server) ?? schemaVersionFault(found.version, newest);
    if (fault !== undefined) throw refuse(fault);
    return found;
  };
  const isUsable = (found: Found) => found.usable && found.version === newest;
  const before = check(await look(<Row>(text: string) => db.read<Row>({ text })));
  if (isUsable(before) && before.recorded) return;
  try {
    await db.maintenance(async (session) => {
      await lockSchema(session, LOCK);
      const found = check(await look(<Row>(text: string) => session.query<Row>({ text })));
      if (!isUsable(found) || !found.recorded) await bringTo(session, found, migrations);
    });
  } catch (error) {
    // All that could not be done is to write the version down: whoever has the right does it another time.
    if (!(isUsable(before) && isPermissionDenied(error))) throw error;
  }
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
const LOOK = `
  SELECT current_setting('server_version_num')::int AS number, current_setting('server_version') AS text,
    ARRAY(SELECT relname::text FROM pg_class
      WHERE relname IN (${[...FIXED_RELATIONS, QUEUES_BY_HASH].map((name) => `'${name}'`).join(', ')})
        AND pg_table_is_visible(oid)
    ) AS relations`;

type Query = <Row>(text: string) => Promise<readonly Row[]>;

async function look(query: Query): Promise<Found> {
  const [seen] = await query<ServerVersion & { readonly relations: readonly string[] }>(LOOK);
  if (seen === undefined) throw new Error('a SELECT without FROM gave no row');
  const { relations, ...server } = seen;
  const usable = [QUEUES, ITEM_ID_SEQUENCE].every((name) => relations.includes(name));
  // A server too old may not know what comes next.
  if (relations.includes(VERSIONS) && serverVersionFault(server) === undefined) {
    const [row] = await query<{ version: number | null }>(`SELECT max(version) AS version FROM ${VERSIONS}`);
    if (row?.version != null) return { server, version: row.version, recorded: true, usable };
  }
  const concluded = relations.includes(QUEUES_BY_HASH) ? VERSION_WITH_HASHES : FIRST_VERSION;
  // What else may be there, a sequence that was restored for one, has been the same in all versions.
  const version = relations.includes(QUEUES) ? concluded : undefined;
  return { server, version, recorded: false, usable };
}

/**
 * What is missing is made as the newest version has it, after the migrations:
 * these change what an older version made.
 */
async function bringTo(session: Session, found: Found, migrations: readonly Migration[]): Promise<void> {
  const due = migrations.filter(({ version }) => found.version !== undefined && version > found.version);
  for (const migration of due) await migration.migrate(session);
  for (const text of CREATE) await session.query({ text });
  const reached = due.map(({ version }) => version);
  if (!found.recorded) reached.unshift(found.version ?? newestVersion(migrations));
  await session.query({
    text: `INSERT INTO ${VERSIONS} (version, applied_at)
      SELECT unnest($1::int[]), statement_timestamp() ON CONFLICT DO NOTHING`,
    values: [reached],
  });
}

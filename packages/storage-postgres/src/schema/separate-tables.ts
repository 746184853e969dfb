import type { PgTable } from 'drizzle-orm/pg-core';
import type { Database, Session } from '../database/database.ts';
import { getTableName } from './drizzle.ts';
import { lockSchema, SCHEMA_LOCK } from './fixed-schema.ts';
import { type TableCode, tableCodeFault, tableOwnerFault } from './foreign-code.ts';
import { type SeenRelation, seenRelationsSql } from './seen-relations.ts';
import { ACCESS_TABLES } from './tables/access.ts';
import { auditTable } from './tables/audit.ts';
import { instancesTable } from './tables/instances.ts';
import { changesTable, movesTable } from './tables/moves.ts';
import { ratesTable } from './tables/rates.ts';
import { renderTable } from './tables/render-ddl.ts';
import { schedulesTable } from './tables/schedules.ts';
import { secretsTable } from './tables/secrets.ts';
import { tasksTable } from './tables/tasks.ts';

/**
 * Tables that are created together at their first use, apart from the versions of the
 * schema: servers that do not know them can work beside them.
 */
export interface SeparateTables {
  /** For the caller, to tell groups apart. */
  readonly name: string;
  readonly tables: readonly PgTable[];
  /** The names of the tables. */
  readonly relations: readonly string[];
  /** What another role could do that owns one of the tables, for the error. */
  readonly danger: string;
}

function group(name: string, tables: readonly PgTable[], danger: string): SeparateTables {
  return { name, tables, relations: tables.map((table) => getTableName(table)), danger };
}

/** The tables of access control. */
export const ACCESS: SeparateTables = group(
  'access',
  Object.values(ACCESS_TABLES),
  'could give itself every right',
);

/** The table of audit events. */
export const AUDIT: SeparateTables = group('audit', [auditTable], 'could change or remove events');

/** The table of the processes that run. */
export const INSTANCES: SeparateTables = group(
  'instances',
  [instancesTable],
  'could make this server believe in processes that do not run',
);

/** The table of what happened to queues. */
export const RATES: SeparateTables = group('rates', [ratesTable], 'could show operators false rates');

/** The table of schedules. */
export const SCHEDULES: SeparateTables = group('schedules', [schedulesTable], 'could produce any item');

/** The table of secrets. */
export const SECRETS: SeparateTables = group('secrets', [secretsTable], 'could read and forge sessions');

/** The table of tasks. */
export const TASKS: SeparateTables = group(
  'tasks',
  [tasksTable],
  'could make this server move or delete items',
);

/** The tables of the moves of partitions. */
export const MOVES: SeparateTables = group(
  'moves',
  [movesTable, changesTable],
  'could close any partition, or make items be lost when a partition moves',
);

/** Dependencies of provisioning separate tables. */
export interface SeparateTablesDeps {
  /** Creates the error for tables that cannot be used. */
  readonly refuse: (reason: string) => Error;
  /** Logs policies and rules on a table of ours. */
  readonly warnOnce: (table: string, code: TableCode) => void;
}

/**
 * Creates missing tables of a group, in the schema of the fixed tables. Checks first:
 * mostly they exist, and a user who may not create tables can still use them.
 *
 * Any number of processes may do this at once. One of them works, in one transaction,
 * and the others find the result.
 *
 * @throws the error of `refuse` when another role could change what a table contains.
 */
export async function provisionSeparate(
  db: Database,
  group: SeparateTables,
  deps: SeparateTablesDeps,
): Promise<void> {
  const nameOf = (relation: string) => db.schema.relation(relation);
  if (await separateExist(db, group, deps)) return;
  await db.maintenance(async (session) => {
    await lockSchema(session, SCHEMA_LOCK);
    const query: Session['query'] = (statement) => session.query(statement);
    for (const table of await missing({ db, query }, group, deps)) {
      // Anything of the same name belongs to another role, which was faster, and is an error.
      for (const text of renderTable(table, { nameOf, isNew: true })) await session.query({ text });
    }
  });
}

/** Whether all tables of a group exist. Creates nothing. @throws as {@link provisionSeparate}. */
export async function separateExist(
  db: Database,
  group: SeparateTables,
  deps: SeparateTablesDeps,
): Promise<boolean> {
  const query: Session['query'] = (statement) => db.read(statement);
  return (await missing({ db, query }, group, deps)).length === 0;
}

/** The tables of a group that do not exist. Checks those that do. */
async function missing(
  { db, query }: { readonly db: Database; readonly query: Session['query'] },
  { tables, relations: names, danger }: SeparateTables,
  deps: SeparateTablesDeps,
): Promise<readonly PgTable[]> {
  const [seen] = await query<{ readonly relations: readonly SeenRelation[] }>({
    text: `SELECT ${seenRelationsSql('ARRAY[$1::text]', names)} AS relations`,
    values: [db.schema.name],
  });
  const relations = seen?.relations ?? [];
  for (const relation of relations) check(relation, danger, deps);
  const found = new Set(relations.map(({ name }) => name));
  return tables.filter((table) => !found.has(getTableName(table)));
}

/** A role that owns a table can write to it whatever was granted. */
function check({ name, code }: SeenRelation, danger: string, { refuse, warnOnce }: SeparateTablesDeps): void {
  const fault = tableCodeFault(name, code) ?? tableOwnerFault(name, code, danger);
  if (fault !== undefined) throw refuse(fault);
  warnOnce(name, code);
}

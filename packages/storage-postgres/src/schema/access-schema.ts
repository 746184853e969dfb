import { getTableName } from 'drizzle-orm';
import type { Database, Session } from '../database/database.ts';
import { lockSchema, SCHEMA_LOCK } from './fixed-schema.ts';
import { type TableCode, tableCodeFault } from './foreign-code.ts';
import { type SeenRelation, seenRelationsSql } from './seen-relations.ts';
import { ACCESS_TABLES } from './tables/access.ts';
import { renderTable } from './tables/render-ddl.ts';

const TABLES = Object.values(ACCESS_TABLES);

/** The names of the tables of access control. */
export const ACCESS_RELATIONS: readonly string[] = TABLES.map((table) => getTableName(table));

const INSPECT = `SELECT ${seenRelationsSql('ARRAY[$1::text]', ACCESS_RELATIONS)} AS relations`;

/** Dependencies of provisioning the tables of access control. */
export interface AccessSchemaDeps {
  /** Creates the error for tables that cannot be used. */
  readonly refuse: (reason: string) => Error;
  /** Logs policies and rules on a table of ours. */
  readonly warnOnce: (table: string, code: TableCode) => void;
}

/**
 * Creates missing tables of access control, in the schema of the fixed tables. Checks
 * first: mostly they exist, and a user who may not create tables can still use them.
 *
 * Any number of processes may do this at once. One of them works, in one transaction,
 * and the others find the result.
 *
 * @throws the error of `refuse` when another role could change what a table contains.
 */
export async function provisionAccess(db: Database, deps: AccessSchemaDeps): Promise<void> {
  const nameOf = (relation: string) => db.schema.relation(relation);
  const missing = async (query: Session['query']) => {
    const [seen] = await query<{ readonly relations: readonly SeenRelation[] }>({
      text: INSPECT,
      values: [db.schema.name],
    });
    const relations = seen?.relations ?? [];
    for (const relation of relations) check(relation, deps);
    const found = new Set(relations.map(({ name }) => name));
    return TABLES.filter((table) => !found.has(getTableName(table)));
  };
  if ((await missing((statement) => db.read(statement))).length === 0) return;
  await db.maintenance(async (session) => {
    await lockSchema(session, SCHEMA_LOCK);
    for (const table of await missing((statement) => session.query(statement))) {
      // Anything of the same name belongs to another role, which was faster, and is an error.
      for (const text of renderTable(table, { nameOf, isNew: true })) await session.query({ text });
    }
  });
}

/**
 * A role that owns a table can write to it whatever was granted. Here it could give
 * itself every right.
 */
function check({ name, owner, trusted, code }: SeenRelation, { refuse, warnOnce }: AccessSchemaDeps): void {
  const fault = tableCodeFault(name, code);
  if (fault !== undefined) throw refuse(fault);
  if (!trusted) {
    throw refuse(
      `table ${name} belongs to role "${owner}", which could give itself every right; make this server, ` +
        'the owner of the schema or the owner of the database the owner of the table',
    );
  }
  warnOnce(name, code);
}

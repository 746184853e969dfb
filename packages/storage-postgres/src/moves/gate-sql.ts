import { createHash } from 'node:crypto';
import type { Session } from '../database/database.ts';
import { quotedName } from '../database/quoted-name.ts';
import { PARTITION_CLOSED } from '../errors/postgres-error.ts';
import { keySpreadSql } from '../operations/keyed-shape.ts';
import { getTableName } from '../schema/drizzle.ts';
import { lockSchema } from '../schema/fixed-schema.ts';
import { changesTable, movesTable } from '../schema/tables/moves.ts';
import type { NameRelation } from '../schema/tables/render-ddl.ts';

/** The setting by which a session of the mover passes the gate; see {@link moverSetting}. */
export const MOVER_SETTING = 'querator.move';

/** The value of {@link MOVER_SETTING}, and SQL for the same from a row of the moves. */
export function moverSetting({ task, generation }: { readonly task: string; readonly generation: number }) {
  return `${task} ${generation}`;
}

const MOVES = getTableName(movesTable);
const CHANGES = getTableName(changesTable);
const CHANGE_NUMBERS = 'querator_change';
const GATE = 'querator_gate';
const LOG_OF = { item: 'querator_log_items', key: 'querator_log_keys' } as const;
const FENCE = 'querator_key_fence';
const LOCK = 'querator moves';

/**
 * A snapshot of an earlier moment could show a gate that was open then. A statement that reads the gate in a
 * snapshot of its own has locked its table before, so that the mover waits for it.
 */
const gateBody = (nameOf: NameRelation) => `
DECLARE
  gate record;
BEGIN
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'a partition that moves takes transactions at READ COMMITTED only' USING ERRCODE = '${PARTITION_CLOSED}';
  END IF;
  SELECT task, generation, state INTO gate FROM ${nameOf(MOVES)} WHERE items_table = TG_TABLE_NAME::text;
  IF gate.state IN ('copying', 'open') OR current_setting('${MOVER_SETTING}', true) = gate.task || ' ' || gate.generation THEN
    RETURN NULL;
  END IF;
  IF gate.state = 'leaving' AND TG_OP <> 'INSERT' THEN
    RETURN NULL;
  END IF;
  RAISE EXCEPTION 'the partition moves to another storage, or has moved' USING ERRCODE = '${PARTITION_CLOSED}';
END`;

/** @param column the one that identifies a row. */
const logBody = (nameOf: NameRelation, kind: keyof typeof LOG_OF, column: string) => {
  const note = (rows: string) =>
    `INSERT INTO ${nameOf(CHANGES)} (number, items_table, kind, id)
      SELECT nextval('${nameOf(CHANGE_NUMBERS).replaceAll("'", "''")}'), TG_ARGV[0], '${kind}', ${column} FROM ${rows};`;
  return `
BEGIN
  IF TG_OP = 'INSERT' THEN
    ${note('new_rows')}
  ELSIF TG_OP = 'UPDATE' THEN
    ${note(`(SELECT ${column} FROM new_rows UNION SELECT ${column} FROM old_rows) AS changed`)}
  ELSIF TG_OP = 'DELETE' THEN
    ${note('old_rows')}
  ELSE
    INSERT INTO ${nameOf(CHANGES)} (number, items_table, kind, id)
      VALUES (nextval('${nameOf(CHANGE_NUMBERS).replaceAll("'", "''")}'), TG_ARGV[0], 'anew', '');
  END IF;
  RETURN NULL;
END`;
};

const FENCE_BODY = `
BEGIN
  RAISE EXCEPTION 'the dedup keys of the queue go to other partitions by now' USING ERRCODE = '${PARTITION_CLOSED}';
END`;

/** Creates what the triggers run, or replaces what a version with other texts has created. */
export async function provideFunctions(session: Session, nameOf: NameRelation): Promise<void> {
  const functions = [
    { name: GATE, body: gateBody(nameOf) },
    { name: LOG_OF.item, body: logBody(nameOf, 'item', 'id') },
    { name: LOG_OF.key, body: logBody(nameOf, 'key', 'key') },
    { name: FENCE, body: FENCE_BODY },
  ];
  const found = await session.query<{ readonly name: string; readonly body: string }>({
    text: `SELECT proname AS name, prosrc AS body FROM pg_proc
      WHERE proname = ANY ($1::text[]) AND pronamespace = (SELECT relnamespace FROM pg_class WHERE oid = $2::regclass)`,
    values: [functions.map(({ name }) => name), nameOf(MOVES)],
  });
  const missing = functions.filter(
    ({ name, body }) => !found.some((each) => each.name === name && each.body === body),
  );
  if (missing.length === 0) return;
  await lockSchema(session, LOCK);
  await session.query({ text: `CREATE SEQUENCE IF NOT EXISTS ${nameOf(CHANGE_NUMBERS)}` });
  for (const { name, body } of missing) {
    const quote = `$${createHash('sha256').update(body).digest('hex').slice(0, 8).replace(/^\d/, 'q')}$`;
    await session.query({
      text: `CREATE OR REPLACE FUNCTION ${nameOf(name)}() RETURNS trigger LANGUAGE plpgsql
        SET search_path = pg_catalog AS ${quote}${body}${quote}`,
    });
  }
}

const LOGGED = [
  { event: 'INSERT', rows: 'REFERENCING NEW TABLE AS new_rows' },
  { event: 'UPDATE', rows: 'REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows' },
  { event: 'DELETE', rows: 'REFERENCING OLD TABLE AS old_rows' },
  { event: 'TRUNCATE', rows: '' },
] as const;

const logName = (event: string) => `querator_log_${event.toLowerCase()}`;

/** The statement that puts the gate on an items table. */
export function createGate(table: string, nameOf: NameRelation): string {
  return `CREATE TRIGGER ${GATE} BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON ${table}
    FOR EACH STATEMENT EXECUTE FUNCTION ${nameOf(GATE)}()`;
}

/**
 * The statements that write down the changes of a table.
 *
 * @param items the name of the partition's items table, without its schema.
 */
function createLogs(table: string, kind: keyof typeof LOG_OF, items: string, nameOf: NameRelation) {
  return LOGGED.map(({ event, rows }) => ({
    name: logName(event),
    text: `CREATE TRIGGER ${logName(event)} AFTER ${event} ON ${table} ${rows}
      FOR EACH STATEMENT EXECUTE FUNCTION ${nameOf(LOG_OF[kind])}('${items}')`,
  }));
}

/** The names of our triggers on a table. */
export async function triggersOn(session: Session, table: string): Promise<ReadonlySet<string>> {
  const rows = await session.query<{ readonly name: string }>({
    text: `SELECT tgname::text AS name FROM pg_trigger WHERE tgrelid = to_regclass($1) AND NOT tgisinternal
      AND (tgname = '${GATE}' OR tgname LIKE 'querator\\_log\\_%')`,
    values: [table],
  });
  return new Set(rows.map(({ name }) => name));
}

/** Whether a table has the gate. */
export async function isGated(session: Session, table: string): Promise<boolean> {
  return (await triggersOn(session, table)).has(GATE);
}

/** Puts the gate on an items table, and writes its changes and those of its keys down. */
export async function addTriggers(
  session: Session,
  tables: { readonly items: string; readonly keys: string; readonly itemsName: string },
  nameOf: NameRelation,
): Promise<void> {
  const wanted = [
    {
      table: tables.items,
      triggers: [
        { name: GATE, text: createGate(tables.items, nameOf) },
        ...createLogs(tables.items, 'item', tables.itemsName, nameOf),
      ],
    },
    { table: tables.keys, triggers: createLogs(tables.keys, 'key', tables.itemsName, nameOf) },
  ];
  for (const { table, triggers } of wanted) {
    const there = await triggersOn(session, table);
    for (const { name, text } of triggers) if (!there.has(name)) await session.query({ text });
  }
}

/** Removes triggers of ours. @param kept stays. */
export async function dropTriggers(
  session: Session,
  table: string,
  kept: 'gate' | 'none' = 'none',
): Promise<void> {
  for (const name of await triggersOn(session, table)) {
    if (name === GATE && kept === 'gate') continue;
    await session.query({ text: `DROP TRIGGER ${quotedName(name)} ON ${table}` });
  }
}

const fenceName = (keySpread: number) => `${FENCE}_${keySpread}`;

/** The `keySpread` of the fence on a table of dedup keys; 0: there is none. */
export async function fenceOn(session: Session, table: string): Promise<number> {
  const [row] = await session.query<{ readonly fence: number }>({
    text: `SELECT coalesce(max(substr(tgname, ${FENCE.length + 2})::int), 0) AS fence FROM pg_trigger
      WHERE tgrelid = to_regclass($1) AND NOT tgisinternal AND tgname LIKE '${FENCE.replaceAll('_', '\\_')}\\_%'`,
    values: [table],
  });
  return row?.fence ?? 0;
}

/** Replaces the fence on a table of dedup keys. */
export async function putFence(
  session: Session,
  table: string,
  { from, to }: { readonly from: number; readonly to: number },
  nameOf: NameRelation,
): Promise<void> {
  if (from > 0) await session.query({ text: `DROP TRIGGER ${fenceName(from)} ON ${table}` });
  await session.query({
    text: `CREATE TRIGGER ${fenceName(to)} BEFORE INSERT ON ${table} FOR EACH ROW
      WHEN (${keySpreadSql('NEW.random_ends')} < ${to}) EXECUTE FUNCTION ${nameOf(FENCE)}()`,
  });
}

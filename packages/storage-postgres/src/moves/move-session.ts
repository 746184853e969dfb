import { type GateState, type MoveClaim, StorageError } from '@querator/core';
import type { Database, Session } from '../database/database.ts';
import { getTableName } from '../schema/drizzle.ts';
import { changesTable, movesTable } from '../schema/tables/moves.ts';
import type { PartitionTable } from '../sql/partition-table.ts';
import { isGated, MOVER_SETTING, moverSetting } from './gate-sql.ts';

/** What the statements of a move work on. */
export interface MoveContext {
  readonly db: Database;
  readonly table: PartitionTable;
}

/** The row of a partition in the moves. */
export interface MoveRow extends MoveClaim {
  /** Another number each time that a move begins here: that of the transaction. */
  readonly begun: number;
  readonly state: GateState;
}

/** SQL for the table of the moves. */
function movesOf({ db }: Pick<MoveContext, 'db'>): string {
  return db.schema.relation(getTableName(movesTable));
}

/** SQL for the table of the changes. */
export function changesOf({ db }: Pick<MoveContext, 'db'>): string {
  return db.schema.relation(getTableName(changesTable));
}

interface StoredRow {
  readonly task: string;
  /** A BIGINT is a text. */
  readonly generation: string;
  readonly begun: string;
  readonly state: GateState;
}

const toRow = ({ generation, begun, ...row }: StoredRow): MoveRow => ({
  ...row,
  generation: Number(generation),
  begun: Number(begun),
});

/** The row of the partition. Locks it for the rest of the transaction. */
export async function lockMove(session: Session, context: MoveContext): Promise<MoveRow | undefined> {
  const [row] = await session.query<StoredRow>({
    text: `SELECT task, generation, begun, state FROM ${movesOf(context)} WHERE items_table = $1 FOR UPDATE`,
    values: [context.table.relation],
  });
  return row && toRow(row);
}

/**
 * Locks the row of the partition, and lets the rest of the transaction pass its gate.
 *
 * @throws StorageError `stale` if the row is not that of the claim, or in none of the states.
 */
export async function checkClaim(
  session: Session,
  context: MoveContext,
  claim: MoveClaim,
  states: readonly GateState[],
): Promise<MoveRow> {
  const row = await lockMove(session, context);
  if (row === undefined || !isOf(row, claim) || !states.includes(row.state)) throw stale(context, claim);
  await session.query({
    text: `SELECT set_config('${MOVER_SETTING}', $1, true)`,
    values: [moverSetting(claim)],
  });
  return row;
}

/** Runs `work` in a transaction that passes the gate; see {@link checkClaim}. */
export function claimed<T>(
  context: MoveContext,
  claim: MoveClaim,
  states: readonly GateState[],
  work: (session: Session, row: MoveRow) => Promise<T>,
): Promise<T> {
  return context.db.transaction(async (session) =>
    work(session, await checkClaim(session, context, claim, states)),
  );
}

/**
 * Locks the items table as a writer does, and checks that it is the one of the move. A later queue
 * of the same name may have replaced it.
 */
export async function lockGated(session: Session, context: MoveContext, claim: MoveClaim): Promise<void> {
  await session.query({ text: `LOCK TABLE ${context.table.name} IN ROW EXCLUSIVE MODE` });
  if (!(await isGated(session, context.table.name))) throw stale(context, claim);
}

/** The number of the transaction, which no other one of the server has. */
export async function transactionNumber(session: Session): Promise<number> {
  const [row] = await session.query<{ readonly number: string }>({
    text: 'SELECT txid_current()::text AS number',
  });
  return Number(row?.number);
}

/** Writes down the state of the partition. */
export async function setMove(session: Session, context: MoveContext, row: MoveRow): Promise<void> {
  await session.query({
    text: `INSERT INTO ${movesOf(context)} (items_table, task, generation, begun, state) VALUES ($1, $2, $3, $4, $5)
      ON CONFLICT (items_table) DO UPDATE SET task = excluded.task, generation = excluded.generation,
        begun = excluded.begun, state = excluded.state`,
    values: [context.table.relation, row.task, row.generation, row.begun, row.state],
  });
}

/** Removes the entries of the partition. */
export async function forgetChanges(session: Session, context: MoveContext): Promise<void> {
  const text = `DELETE FROM ${changesOf(context)} WHERE items_table = $1`;
  await session.query({ text, values: [context.table.relation] });
}

/** Removes the row of the partition. */
export async function forgetMove(session: Session, context: MoveContext): Promise<void> {
  await forgetChanges(session, context);
  const text = `DELETE FROM ${movesOf(context)} WHERE items_table = $1`;
  await session.query({ text, values: [context.table.relation] });
}

/** Whether the claim is that of the row. */
function isOf(row: MoveClaim, { task, generation }: MoveClaim): boolean {
  return row.task === task && row.generation === generation;
}

export function stale({ db, table }: MoveContext, { task }: MoveClaim): StorageError {
  const message =
    `storage '${db.name}': ${table.relation} is not in the state that task '${task}' expects, ` +
    'or another process works on the task';
  return new StorageError(message, { outcome: 'not-applied', stale: true });
}

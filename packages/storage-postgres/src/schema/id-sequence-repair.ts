import type { Database } from '../database/database.ts';
import { besideTable, objectId } from '../database/quoted-name.ts';
import { NUMBER_REFUSED, PostgresError } from '../errors/postgres-error.ts';
import { SERVER_START, sequenceNumberOf } from '../sql/new-item-id.ts';
import type { PartitionTable } from '../sql/partition-table.ts';
import { ITEM_ID_SEQUENCE } from '../sql/table-name.ts';
import { checkEngine } from './engine-probe.ts';
import { lockSchema } from './fixed-schema.ts';
import { BEYOND_IDS } from './items-table-check.ts';

/** Numbers that are skipped, since other processes may be taking some. */
const MARGIN = 1_000_000n;

interface Heights {
  /** The greatest id in the table beyond the last number of the sequence. Mostly there is none. */
  readonly greatest: string | null;
  /** The last number of the sequence. */
  readonly last: string;
  /** The start time of the server. */
  readonly server: string;
}

/** Dependencies of a check of a table's ids. */
export interface IdSequenceContext {
  readonly db: Database;
  readonly table: PartitionTable;
}

/**
 * Runs a write of new ids once the table was checked on the server that is written to.
 * If a number is refused nevertheless, the server is another one, or the sequence was
 * set back. Then checks again and repeats the write.
 *
 * @param write a statement or a transaction that the refusal rolls back as a whole.
 */
export async function withIdsInOrder<T>(context: IdSequenceContext, write: () => Promise<T>): Promise<T> {
  const { numbers } = context.table;
  if (!numbers.isChecked) await checkIds(context);
  try {
    return await write();
  } catch (error) {
    if (!(error instanceof PostgresError && error.sqlState === NUMBER_REFUSED)) throw error;
    await checkIds(context);
    return await write();
  }
}

/** Checks a table before the first item is written to it; see {@link withIdsInOrder}. */
export function checkIds(context: IdSequenceContext): Promise<void> {
  return context.table.numbers.checkWith(async () => {
    const server = await raiseIdSequence(context);
    await checkEngine(context.db, server);
    return server;
  });
}

/**
 * Raises the sequence above the ids in a table and above all numbers that this process
 * knows. It is lower after a restore of tables without it, or if logical replication
 * has filled them. New items would then come before old ones. Never lowers the
 * sequence.
 *
 * @returns the start time of the server that was checked.
 */
async function raiseIdSequence({ db, table }: IdSequenceContext): Promise<bigint> {
  const sequence = objectId(besideTable(table.name, ITEM_ID_SEQUENCE));
  const heights = { text: heightsOf(table.name, sequence) };
  const known = table.numbers.last;
  const [seen] = await db.read<Heights>(heights);
  if (!isTooLow(seen, known)) return serverOf(seen);
  const { checked, to } = await db.maintenance(async (session) => {
    await lockSchema(session, ITEM_ID_SEQUENCE);
    const [now] = await session.query<Heights>(heights);
    if (!isTooLow(now, known)) return { checked: now, to: undefined };
    const height = (heightOf(now, known) + MARGIN).toString();
    await session.query({ text: `SELECT setval(${sequence}, $1::bigint)`, values: [height] });
    return { checked: now, to: height };
  });
  if (to !== undefined) {
    const fields = { storage: db.name, table: table.relation, from: checked.last, to };
    db.logger.warn('the sequence of item ids stood below ids that are in use, and was raised', fields);
  }
  return serverOf(checked);
}

/**
 * Reads ids beyond the last number only. The greatest of all ids would be slow to
 * find. Once its item is done, it lies behind all entries that vacuum has not removed.
 * The sequence is read after the statement's snapshot was taken, so the ids in the
 * snapshot were given out before. Ids of other programs do not count.
 */
const heightsOf = (table: string, sequence: string) => `
  WITH height AS MATERIALIZED (
    SELECT coalesce(pg_sequence_last_value(${sequence}), 0) AS last)
  SELECT last::text, ${SERVER_START}::text AS server,
    (SELECT max(id) FROM ${table}
      WHERE id >= '0' || lpad(to_hex((last + 1) << 17), 16, '0') AND id < '${BEYOND_IDS}') AS greatest
  FROM height`;

function isTooLow(heights: Heights | undefined, known: bigint): heights is Heights {
  return heights !== undefined && BigInt(heights.last) < heightOf(heights, known);
}

function heightOf({ greatest }: Heights, known: bigint): bigint {
  const inTable = greatest === null ? 0n : sequenceNumberOf(greatest);
  return inTable > known ? inTable : known;
}

function serverOf(heights: Heights | undefined): bigint {
  return BigInt(heights?.server ?? 0);
}

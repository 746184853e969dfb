import type { Database } from '../database/database.ts';
import { besideTable, objectId } from '../database/quoted-name.ts';
import { NUMBER_REFUSED, PostgresError } from '../errors/postgres-error.ts';
import { SERVER_START, sequenceNumberOf } from '../sql/new-item-id.ts';
import type { PartitionTable } from '../sql/partition-table.ts';
import { ITEM_ID_SEQUENCE } from '../sql/table-name.ts';
import { lockSchema } from './fixed-schema.ts';
import { BEYOND_IDS } from './items-table-check.ts';

/** Numbers that are passed over: others may be taking some just now. */
const MARGIN = 1_000_000n;

interface Heights {
  /** The greatest id in the table above those that the sequence has handed out; mostly there is none. */
  readonly greatest: string | null;
  /** The last number of the sequence. */
  readonly last: string;
  /** When the server was started. */
  readonly server: string;
}

/** What a look at a table's ids works with. */
export interface IdSequenceContext {
  readonly db: Database;
  readonly table: PartitionTable;
}

/**
 * Runs what writes new ids, once the table was looked at on the server that is
 * being written to. Where a number is refused all the same, it looks again and
 * runs it once more: the server is another one, or the sequence was set back.
 *
 * @param write a statement, or a transaction of statements, that the refusal rolls back as a whole.
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

/** Looks at a table before the first item is written to it; see {@link withIdsInOrder}. */
export function checkIds(context: IdSequenceContext): Promise<void> {
  return context.table.numbers.checkWith(() => raiseIdSequence(context));
}

/**
 * Sees to it that the sequence stands above the ids in a table, and above all
 * numbers this process knows of. It does not after a restore of tables without
 * it, nor where logical replication has filled them: new items would come
 * before old ones. It is never set back.
 *
 * @returns when the server was started that was looked at.
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
 * Ids above the last number are asked for, and not the greatest of all: in a
 * table whose items are done with it lies behind all that vacuum has not
 * removed. The sequence is read after the statement's snapshot was taken, so
 * that what the snapshot holds was handed out before. Ids of other programs
 * say nothing of the sequence.
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

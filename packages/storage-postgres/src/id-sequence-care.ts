import type { Database } from './database.ts';
import { lockSchema } from './fixed-schema.ts';
import { sequenceNumberOf } from './new-item-id.ts';
import { ITEM_ID_SEQUENCE } from './schema/item-id-sequence.ts';
import { besideTable, objectId } from './table-name.ts';

/** Numbers that are passed over: others may be taking some just now. */
const MARGIN = 1_000_000n;

interface Heights {
  /** The greatest id in the table. */
  readonly greatest: string | null;
  /** The last number of the sequence. */
  readonly last: string | null;
}

/**
 * Sees to it that the sequence stands above the ids in a table. It does not
 * after a restore of tables without it: new items would come before old ones.
 * It is never set back.
 *
 * @param table with its schema, as SQL.
 */
export async function raiseIdSequence(db: Database, table: string): Promise<void> {
  const sequence = objectId(besideTable(table, ITEM_ID_SEQUENCE));
  const heights = {
    text: `SELECT max(id) AS greatest, pg_sequence_last_value(${sequence})::text AS last FROM ${table}`,
  };
  const [seen] = await db.read<Heights>(heights);
  if (!isTooLow(seen)) return;
  await db.maintenance(async (session) => {
    await lockSchema(session, ITEM_ID_SEQUENCE);
    const [now] = await session.query<Heights>(heights);
    if (!isTooLow(now)) return;
    const height = sequenceNumberOf(now.greatest) + MARGIN;
    await session.query({
      text: `SELECT setval(${sequence}, $1::bigint)`,
      values: [height.toString()],
    });
  });
}

function isTooLow(heights: Heights | undefined): heights is Heights & { readonly greatest: string } {
  if (heights === undefined || heights.greatest === null) return false;
  return BigInt(heights.last ?? 0) < sequenceNumberOf(heights.greatest);
}

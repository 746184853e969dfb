import type { CarriedBatch, MoveClaim } from '@querator/core';
import type { Database, Session } from '../database/database.ts';
import { isRefusedData, refusedItems } from '../sql/refused-data.ts';
import { textArray } from '../wire/binary-array.ts';
import { insertCarried, insertKeys } from './carried-rows.ts';
import { claimed, lockGated, type MoveContext } from './move-session.ts';

/** Writes a batch to the target, all or nothing; see core's `MoveStore`. */
export async function writeCopy(
  context: MoveContext,
  claim: MoveClaim,
  batch: CarriedBatch,
  escapes = false,
): Promise<void> {
  try {
    await claimed(context, claim, ['filling'], async (session) => {
      await lockGated(session, context, claim);
      await replace(session, context, batch, escapes);
    });
  } catch (error) {
    if (!isRefusedData(error)) throw error;
    // The texts that are not the producer's may be the ones that the database lacks characters of.
    if (!escapes) return writeCopy(context, claim, batch, true);
    const keys = batch.keys.map(({ key }) => key);
    throw await refusedItems(context.db as Pick<Database, 'read'>, error, batch.items, keys);
  }
}

async function replace(
  session: Session,
  { table }: MoveContext,
  { items, gone, keys }: CarriedBatch,
  escapes: boolean,
): Promise<void> {
  const ids = [...gone, ...items.map(({ id }) => id)];
  if (ids.length > 0) {
    const text = `DELETE FROM ${table.name} WHERE id = ANY ($1::text[])`;
    await session.query({ text, values: [textArray(ids)] });
  }
  const sources = items.flatMap(({ sourceId }) => sourceId ?? []);
  if (sources.length > 0) {
    // Whatever has one of them here is no longer in the source.
    const text = `DELETE FROM ${table.name} WHERE source_id = ANY ($1::text[])`;
    await session.query({ text, values: [textArray(sources)] });
  }
  if (items.length > 0) await session.query(insertCarried(table, items, escapes));
  if (keys.length > 0) await session.query(insertKeys(table.keysName, keys));
}

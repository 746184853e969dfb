import type { Dropped, QueueStore } from '@querator/core';
import { lockSchema } from '../schema/fixed-schema.ts';
import { holdsRows } from '../schema/left-over-table.ts';
import { claimOn, ownerOf } from '../schema/table-owner.ts';
import {
  countItems,
  findKeysOf,
  findTable,
  inLongTransaction,
  type NamedTable,
  refusal,
  type TablesContext,
} from './find-table.ts';

/**
 * Drops a table that no queue uses, with all its items and their dedup keys.
 *
 * @param force also drops a table with items, or without an owner.
 * @throws StorageError when the drop is not allowed, or storage fails; the table is
 *   unchanged then.
 */
export async function dropTable(
  context: TablesContext & { readonly queues: QueueStore },
  name: string,
  force: boolean,
): Promise<Dropped> {
  const { db, queues, storage } = context;
  const seen = await findTable(context, name, (statement) => db.read(statement));
  const queue = seen.holder && (await queues.get(seen.holder.queue));
  return inLongTransaction(context, async (session) => {
    await lockSchema(session, name);
    const found = await findTable(context, name, session.query);
    const { holder, partition } = found;
    if (holder?.created !== seen.holder?.created || holder?.queue !== seen.holder?.queue) {
      throw refusal(context, `table ${name} was given to another queue meanwhile; list the tables again`);
    }
    const placement = queue?.partitions.find((each) => each.partition === partition);
    const isPlaced = placement?.storageName === storage;
    if (holder !== undefined && queue !== undefined && isPlaced) {
      const claim = claimOn(holder, ownerOf({ queue: queue.name, partition }, queue.createdAt));
      if (claim === 'own' || claim === 'unnamed') {
        throw refusal(context, `table ${name} is in use by queue '${queue.name}'; delete the queue instead`);
      }
    }
    if (found.codeFault !== undefined) throw refusal(context, `${found.codeFault}, then drop it`);
    const table = db.schema.relation(name);
    if (!force && holder === undefined) {
      throw refusal(
        context,
        `table ${name} does not say whose it is; --force drops it with all that is in it`,
      );
    }
    // First checked without the lock, which blocks all other users of the table.
    if (!force && (await holdsRows(session, table))) throw refusal(context, withRows(found));
    await session.query({ text: `LOCK TABLE ${table} IN ACCESS EXCLUSIVE MODE` });
    const items = await countItems(session, table);
    if (!force && items > 0) throw refusal(context, withRows(found));
    const keys = await findKeysOf(context, found, session.query);
    const dropped = keys === undefined ? table : `${table}, ${db.schema.relation(keys.name)}`;
    await session.query({ text: `DROP TABLE ${dropped}` });
    return { queue: holder?.queue, items };
  });
}

function withRows({ name, holds }: NamedTable): string {
  const rows = holds === 'items' ? 'items' : 'dedup keys';
  return `table ${name} holds ${rows}; --force drops it with all of them`;
}

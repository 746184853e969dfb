import type { QueueStore } from '@querator/core';
import { lockSchema } from '../schema/fixed-schema.ts';
import { holdsRows } from '../schema/left-over-table.ts';
import { claimOn, ownerOf } from '../schema/table-owner.ts';
import { countItems, findTable, refusal, type TablesContext, withLongerLimit } from './find-table.ts';

/** What was dropped. */
export interface Dropped {
  /** Whose the table was, as it said itself. */
  readonly queue: string | undefined;
  /** How many items were in it. */
  readonly items: number;
}

/**
 * Drops a table that no queue uses, with all that is in it.
 *
 * @param force also a table with items, or one that does not say whose it is.
 * @throws StorageError when it must not be, or storage fails; then the table is as it was.
 */
export async function dropTable(
  context: TablesContext & { readonly queues: QueueStore },
  name: string,
  force: boolean,
): Promise<Dropped> {
  const { db, queues, storage } = context;
  const seen = await findTable(context, name, (statement) => db.read(statement));
  const queue = seen.holder && (await queues.get(seen.holder.queue));
  return withLongerLimit(context, async (session) => {
    await lockSchema(session, name);
    const { holder, partition } = await findTable(context, name, session.query);
    if (holder?.created !== seen.holder?.created || holder?.queue !== seen.holder?.queue) {
      throw refusal(context, `table ${name} has just been given to another queue; look again`);
    }
    const placement = queue?.partitions.find((each) => each.partition === partition);
    const isPlaced = placement?.storageName === storage;
    if (holder !== undefined && queue !== undefined && isPlaced) {
      const claim = claimOn(holder, ownerOf({ queue: queue.name, partition }, queue.createdAt));
      if (claim === 'own' || claim === 'unnamed') {
        throw refusal(context, `table ${name} is in use by queue '${queue.name}'; delete the queue instead`);
      }
    }
    const table = db.schema.relation(name);
    if (!force && holder === undefined) {
      throw refusal(
        context,
        `table ${name} does not say whose it is; --force drops it with all that is in it`,
      );
    }
    // Looked at first without the lock, for which everybody would have to wait.
    if (!force && (await holdsRows(session, table))) throw refusal(context, withItems(name));
    await session.query({ text: `LOCK TABLE ${table} IN ACCESS EXCLUSIVE MODE` });
    const items = await countItems(session, table);
    if (!force && items > 0) throw refusal(context, withItems(name));
    await session.query({ text: `DROP TABLE ${table}` });
    return { queue: holder?.queue, items };
  });
}

function withItems(name: string): string {
  return `table ${name} holds items; --force drops it with all of them`;
}

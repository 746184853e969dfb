import type { Adopted, Queue, QueueStore, Random } from '@querator/core';
import type { Session } from '../database/database.ts';
import { quotedName } from '../database/quoted-name.ts';
import { lockSchema } from '../schema/fixed-schema.ts';
import { checkIds } from '../schema/id-sequence-repair.ts';
import { FOREIGN_IDS, holdsForeignIds, shapeFault } from '../schema/items-table-check.ts';
import { claimOn, commentOn, ownerOf } from '../schema/table-owner.ts';
import { itemsTable } from '../schema/tables/items.ts';
import { renderTable } from '../schema/tables/render-ddl.ts';
import { newIds, newItemIdSql } from '../sql/new-item-id.ts';
import { PartitionTable } from '../sql/partition-table.ts';
import { itemsTableName, partitionLabel } from '../sql/table-name.ts';
import {
  countItems,
  findKeysOf,
  findTable,
  inLongTransaction,
  type NamedTable,
  refusal,
  type TablesContext,
} from './find-table.ts';

/** Items that get new ids per transaction. */
const BATCH = 10_000;

/** Dependencies of an adoption. */
export interface AdoptContext extends TablesContext {
  readonly queues: QueueStore;
  readonly random: Random;
}

/**
 * Makes a table belong to the present queue, with all its items. Items with ids of
 * another program get new ones in the same order. Those that were leased wait again,
 * and keep their attempts. An interrupted adoption continues with the next call; until
 * its end no server uses the table.
 *
 * @param queueName the queue. Undefined: the one named by the table's comment.
 * @throws StorageError when the adoption is not allowed, or storage fails.
 */
export async function adoptTable(
  context: AdoptContext,
  name: string,
  queueName: string | undefined,
): Promise<Adopted> {
  const { db } = context;
  const found = await findTable(context, name, (statement) => db.read(statement));
  if (found.holds === 'keys') {
    throw refusal(context, `table ${name} holds dedup keys; they go along when their items table is adopted`);
  }
  if (found.codeFault !== undefined) throw refusal(context, found.codeFault);
  const queue = await presentQueue(context, found, queueName);
  await inLongTransaction(context, async (session) => {
    await lockSchema(session, name);
    await makeIndexes(context, session, queue, found);
  });
  const { shape } = await findTable(context, name, (statement) => db.read(statement));
  const fault = shapeFault(shape);
  if (fault !== undefined) throw refusal(context, `table ${name} cannot be an items table: it ${fault}`);
  const renumbered = await renumber(context, { queue: queue.name, partition: found.partition });
  const wasOwn = await inLongTransaction(context, (session) => takeOver(context, session, name, queue));
  const items = await inLongTransaction(context, (session) => countItems(session, db.schema.relation(name)));
  return { queue: queue.name, partition: found.partition, items, renumbered, wasOwn };
}

/** The queue that gets the table. */
async function presentQueue(
  context: AdoptContext,
  { name, partition, holder }: NamedTable,
  queueName = holder?.queue,
): Promise<Queue> {
  if (queueName === undefined) {
    throw refusal(context, `table ${name} does not say whose it is; name its queue with --queue`);
  }
  const own = itemsTableName({ queue: queueName, partition });
  if (own !== name) {
    throw refusal(
      context,
      `partition ${partition} of queue '${queueName}' is kept in ${own}, and not in ${name}`,
    );
  }
  if (holder !== undefined && holder.queue !== queueName) {
    throw refusal(context, `table ${name} belongs to queue '${holder.queue}', whose name has the same hash`);
  }
  const queue = await context.queues.get(queueName);
  if (queue === undefined) {
    throw refusal(context, `queue '${queueName}' is not there; create it first, then adopt the table`);
  }
  const placement = queue.partitions.find((each) => each.partition === partition);
  if (placement?.storageName !== context.storage) {
    const where =
      placement === undefined ? 'has no such partition' : `has it on storage '${placement.storageName}'`;
    throw refusal(context, `table ${name} is for partition ${partition}, and queue '${queueName}' ${where}`);
  }
  return queue;
}

/** Creates missing indexes. Replaces a lease index without the id, as the Go server creates it. */
async function makeIndexes(
  { db }: AdoptContext,
  session: Session,
  { name: queue }: Queue,
  { name, partition }: NamedTable,
): Promise<void> {
  const nameOf = (relation: string) => db.schema.relation(relation);
  const leaseIndex = `idx_${partitionLabel({ queue, partition })}_lse`;
  const [short] = await session.query({
    text: `SELECT FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
      WHERE indrelid = to_regclass($1) AND relname = $2 AND indnkeyatts < 3`,
    values: [nameOf(name), leaseIndex],
  });
  if (short !== undefined) await session.query({ text: `DROP INDEX ${nameOf(leaseIndex)}` });
  const [unique] = await session.query({
    text: `SELECT FROM pg_constraint WHERE conrelid = to_regclass($1) AND contype = 'p'`,
    values: [nameOf(name)],
  });
  if (unique === undefined) {
    await session.query({ text: `ALTER TABLE ${nameOf(name)} ADD PRIMARY KEY (${quotedName('id')})` });
  }
  for (const text of renderTable(itemsTable(queue, partition), { nameOf })) await session.query({ text });
}

/** Gives new ids to the items of other programs, from the lowest id on. @returns their number. */
async function renumber(
  context: AdoptContext,
  key: { readonly queue: string; readonly partition: number },
): Promise<number> {
  const { db, random } = context;
  const table = new PartitionTable(key, db.schema);
  let renumbered = 0;
  for (const range of FOREIGN_IDS) {
    for (;;) {
      await checkIds({ db, table });
      const rows = await inLongTransaction(context, (session) =>
        session.query<{ count: number }>({
          text: renumberSql(table.name, range),
          values: [newIds({ random, table }, BATCH)],
        }),
      );
      const count = rows[0]?.count ?? 0;
      renumbered += count;
      if (count < BATCH) break;
    }
  }
  return renumbered;
}

const renumberSql = (table: string, range: string) => `
  WITH chosen AS MATERIALIZED (SELECT id FROM ${table} WHERE ${range} ORDER BY id LIMIT ${BATCH} FOR UPDATE),
  placed AS MATERIALIZED (SELECT id, row_number() OVER (ORDER BY id) AS place FROM chosen),
  given AS (
    UPDATE ${table} AS item
    SET id = ${newItemIdSql('place', '$1', table)}, is_leased = false,
      lease_deadline = CASE WHEN is_leased THEN NULL ELSE lease_deadline END
    FROM placed WHERE item.id = placed.id RETURNING 1)
  SELECT count(*)::int AS count FROM given`;

/** Writes the new owner into the table, and into that of its dedup keys, once no session writes to it. @returns whether it was the owner before. */
async function takeOver(
  context: AdoptContext,
  session: Session,
  name: string,
  queue: Queue,
): Promise<boolean> {
  await lockSchema(session, name);
  const found = await findTable(context, name, session.query);
  const { partition, holder } = found;
  const identity = ownerOf({ queue: queue.name, partition }, queue.createdAt);
  const table = context.db.schema.relation(name);
  await session.query({ text: `LOCK TABLE ${table} IN SHARE ROW EXCLUSIVE MODE` });
  if (await holdsForeignIds(session.query, table)) {
    throw refusal(
      context,
      `another program still writes to table ${name}; stop it, then adopt the table again`,
    );
  }
  await session.query({ text: commentOn(table, identity) });
  const keys = await findKeysOf(context, found, session.query);
  if (keys !== undefined) {
    await session.query({ text: commentOn(context.db.schema.relation(keys.name), identity) });
  }
  return holder !== undefined && claimOn(holder, identity) === 'own';
}

import type { Instant, ListedTable, QueueStore, TableState } from '@querator/core';
import { holdsForeignIds, shapeFault } from '../schema/items-table-check.ts';
import { keysShapeFault } from '../schema/keys-table-check.ts';
import { claimOn, ownerOf } from '../schema/table-owner.ts';
import {
  allTables,
  countItems,
  inLongTransaction,
  type NamedTable,
  type TablesContext,
} from './find-table.ts';

/** The count of items stops at this number. */
const COUNTED = 10_000;

/** The number of names per call. */
const NAMES_AT_ONCE = 500;

/**
 * Lists the tables of partitions, ordered by name.
 *
 * @param queues where the queues are stored.
 * @param all also lists tables in use.
 */
export async function listTables(
  context: TablesContext,
  queues: QueueStore,
  all: boolean,
): Promise<readonly ListedTable[]> {
  const tables = await allTables(context);
  const created = await createdOf(queues, tables);
  const listed: ListedTable[] = [];
  for (const table of tables) {
    const state = await stateOf(context, table, created);
    if (state === 'in-use' && !all) continue;
    const { name, partition, holder, codeFault } = table;
    const items = codeFault === undefined ? await countSome(context, name) : 0;
    const more = items === COUNTED || codeFault !== undefined;
    listed.push({
      table: name,
      state,
      queue: holder?.queue,
      partition,
      createdAt: holder?.created,
      items,
      more,
    });
  }
  return listed;
}

/** When the owners of the tables were created, as far as they exist. */
async function createdOf(
  queues: QueueStore,
  tables: readonly NamedTable[],
): Promise<ReadonlyMap<string, Instant>> {
  const names = [...new Set(tables.flatMap(({ holder }) => holder?.queue ?? []))];
  const created = new Map<string, Instant>();
  for (let from = 0; from < names.length; from += NAMES_AT_ONCE) {
    const stamps = await queues.stamps(names.slice(from, from + NAMES_AT_ONCE));
    for (const [name, { createdAt }] of stamps) created.set(name, createdAt);
  }
  return created;
}

async function stateOf(
  { db }: TablesContext,
  { name, holds, partition, holder, shape, codeFault }: NamedTable,
  created: ReadonlyMap<string, Instant>,
): Promise<TableState> {
  const fault = codeFault ?? (holds === 'items' ? shapeFault(shape) : keysShapeFault(shape));
  if (fault !== undefined) return 'foreign';
  if (
    holds === 'items' &&
    (await holdsForeignIds((statement) => db.read(statement), db.schema.relation(name)))
  )
    return 'foreign';
  if (holder === undefined) return 'unnamed';
  const present = created.get(holder.queue);
  if (present === undefined) return 'no-queue';
  switch (claimOn(holder, ownerOf({ queue: holder.queue, partition }, present))) {
    case 'left-over':
      return 'earlier-queue';
    case 'superseded':
      return 'later-queue';
    case 'unnamed':
      return 'unnamed';
    case 'foreign':
      return 'foreign';
    case 'own':
      return 'in-use';
  }
}

function countSome(context: TablesContext, name: string): Promise<number> {
  const table = context.db.schema.relation(name);
  return inLongTransaction(context, (session) =>
    countItems(session, `(SELECT FROM ${table} LIMIT ${COUNTED}) AS first`),
  );
}

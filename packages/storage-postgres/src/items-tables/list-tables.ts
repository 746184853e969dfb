import type { Instant, QueueStore } from '@querator/core';
import { holdsForeignIds, shapeFault } from '../schema/items-table-check.ts';
import { claimOn, ownerOf } from '../schema/table-owner.ts';
import { allTables, countItems, type NamedTable, type TablesContext, withLongerLimit } from './find-table.ts';

/** What a table is to the queues there are. */
export type TableState =
  /** A queue's own. */
  | 'in-use'
  /** Of an earlier queue of that name. */
  | 'earlier-queue'
  /** Of a later queue of that name than the one there is, as after a restore. */
  | 'later-queue'
  /** Of a queue that is not there. */
  | 'no-queue'
  /** It does not say whose it is. */
  | 'unnamed'
  /** Another program has made or filled it. */
  | 'foreign';

/** A table as `list` tells of it. */
export interface ListedTable {
  readonly table: string;
  readonly state: TableState;
  /** Whose it is, as it says itself. */
  readonly queue: string | undefined;
  readonly partition: number;
  /** When that queue was created. */
  readonly createdAt: Instant | undefined;
  /** How many items it holds; they are counted up to {@link COUNTED}. */
  readonly items: number;
  /** Whether it may hold more. */
  readonly more: boolean;
}

/** Items of a table are counted up to so many. */
const COUNTED = 10_000;

/** Names that are asked for in one call. */
const NAMES_AT_ONCE = 500;

/**
 * Lists the items tables, in order of their names.
 *
 * @param queues where the queues are kept.
 * @param all also those that are in use.
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
    const { name, partition, holder } = table;
    const items = await countSome(context, name);
    const more = items === COUNTED;
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

/** When the queues were created that tables belong to, of those that are there. */
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
  { name, partition, holder, shape }: NamedTable,
  created: ReadonlyMap<string, Instant>,
): Promise<TableState> {
  if (shapeFault(shape) !== undefined) return 'foreign';
  if (await holdsForeignIds((statement) => db.read(statement), db.schema.relation(name))) return 'foreign';
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
  return withLongerLimit(context, (session) =>
    countItems(session, `(SELECT FROM ${table} LIMIT ${COUNTED}) AS first`),
  );
}

import { errorText, invalid, type MoveClaim, type PartitionKey, type QueueError } from '@querator/core';
import { type LockingSession, withBriefLocks } from '../database/brief-locks.ts';
import type { Session } from '../database/database.ts';
import { lockSchema } from '../schema/fixed-schema.ts';
import { findTable } from '../schema/found-table.ts';
import { areKeysOf } from '../schema/keys-table-check.ts';
import { holdsRows } from '../schema/left-over-table.ts';
import { claimOn, commentOn, ownerFromComment, type TableOwner } from '../schema/table-owner.ts';
import { itemsTable } from '../schema/tables/items.ts';
import { keysTable } from '../schema/tables/keys.ts';
import { renderTable } from '../schema/tables/render-ddl.ts';
import { ITEMS_STORAGE_PARAMETERS, renderParameters } from '../schema/tables/storage-parameters.ts';
import { keysTableName } from '../sql/table-name.ts';
import { addTriggers, createGate, isGated, provideFunctions, triggersOn } from './gate-sql.ts';
import {
  forgetChanges,
  forgetMove,
  lockMove,
  type MoveContext,
  type MoveRow,
  setMove,
  stale,
  transactionNumber,
} from './move-session.ts';

/** A partition as one end of a move. */
export interface MovingTable extends MoveContext {
  readonly key: PartitionKey;
  readonly identity: TableOwner;
  /** How long to try to get the locks, in milliseconds. */
  readonly lockMs: number;
}

/** The five triggers of an items table that is being copied. */
const TRIGGERS = 5;

/**
 * Runs work with the locks on the tables of the partition that others request briefly too.
 *
 * @throws StorageError `locked` if another session holds the tables.
 */
export function withTables<T>(
  { db, table, key, lockMs }: MovingTable,
  work: (session: LockingSession) => Promise<T>,
): Promise<T> {
  const tables = [table.relation, keysTableName(key)];
  return withBriefLocks(db, { tables, schema: () => db.schema.name, waitMs: lockMs }, async (session) => {
    await lockSchema(session, table.relation);
    return work(session);
  });
}

/** Takes the source over, or begins to write its changes down. Its tables exist, unless it has left. */
export function beginSource(moving: MovingTable, claim: MoveClaim): Promise<MoveRow> {
  const { db, table } = moving;
  const nameOf = (relation: string) => db.schema.relation(relation);
  return withTables(moving, async (session) => {
    const there = await triggersOn(session, table.name);
    const found = there.has('querator_gate') ? await lockMove(session, moving) : undefined;
    if (found?.task === claim.task && there.size === TRIGGERS) return takeOver(session, moving, found, claim);
    if (found?.task === claim.task && found.state !== 'copying' && found.state !== 'closed') {
      return takeOver(session, moving, found, claim);
    }
    if (found?.state === 'left') throw hasLeft();
    await provideFunctions(session, nameOf);
    await session.waitBriefly();
    const tables = { items: table.name, keys: table.keysName, itemsName: table.relation };
    await addTriggers(session, tables, nameOf);
    await forgetChanges(session, moving);
    const row: MoveRow = { ...claim, begun: await transactionNumber(session), state: 'copying' };
    await setMove(session, moving, row);
    return row;
  });
}

/** Takes a leaving partition over, or puts the gate on it. Its table exists, unless it has left. */
export function beginLeaving(moving: MovingTable, claim: MoveClaim): Promise<MoveRow> {
  const { db, table } = moving;
  const nameOf = (relation: string) => db.schema.relation(relation);
  return withTables(moving, async (session) => {
    const gated = await isGated(session, table.name);
    const found = gated ? await lockMove(session, moving) : undefined;
    if (found?.task === claim.task) {
      if (found.state !== 'leaving') throw stale(moving, claim);
      return takeOver(session, moving, found, claim);
    }
    if (found?.state === 'left') throw hasLeft();
    await provideFunctions(session, nameOf);
    if (!gated) {
      await session.waitBriefly();
      await session.query({ text: createGate(table.name, nameOf) });
    }
    const row: MoveRow = { ...claim, begun: await transactionNumber(session), state: 'leaving' };
    await setMove(session, moving, row);
    return row;
  });
}

/** Takes the target over, or creates it empty, with a gate that only the mover passes. */
export function beginTarget(moving: MovingTable, claim: MoveClaim): Promise<MoveRow> {
  const { db, table, key, identity } = moving;
  const nameOf = (relation: string) => db.schema.relation(relation);
  return withTables(moving, async (session) => {
    const gated = await isGated(session, table.name);
    const found = gated ? await lockMove(session, moving) : undefined;
    if (found?.task === claim.task) {
      if (found.state === 'copying' || found.state === 'closed') throw sameStorage();
      return takeOver(session, moving, found, claim);
    }
    await provideFunctions(session, nameOf);
    const isFree = found?.state === 'left' || found?.state === 'filling';
    await dropEarlier(session, moving, isFree);
    await forgetMove(session, moving);
    const options = { parameters: renderParameters(ITEMS_STORAGE_PARAMETERS), nameOf, isNew: true };
    const statements = [
      ...renderTable(itemsTable(key.queue, key.partition), options),
      commentOn(table.name, identity),
      ...renderTable(keysTable(key.queue, key.partition), options),
      commentOn(table.keysName, identity),
      createGate(table.name, nameOf),
    ];
    await session.query({ text: statements.join(';\n') });
    const row: MoveRow = { ...claim, begun: await transactionNumber(session), state: 'filling' };
    await setMove(session, moving, row);
    return row;
  });
}

/** @throws StorageError `stale` if a later generation has it. */
export async function takeOver(
  session: Session,
  moving: MovingTable,
  found: MoveRow,
  claim: MoveClaim,
): Promise<MoveRow> {
  if (found.generation > claim.generation) throw stale(moving, claim);
  const row: MoveRow = { ...found, generation: claim.generation };
  if (found.generation !== claim.generation) await setMove(session, moving, row);
  return row;
}

/** Drops what is in the place of the target. @param isFree whether it may hold rows. */
async function dropEarlier(session: LockingSession, moving: MovingTable, isFree: boolean): Promise<void> {
  const { db, table, key, identity } = moving;
  const send: Session['query'] = (statement) => session.query(statement);
  const keysName = keysTableName(key);
  const [items, keys] = [
    await findTable(send, db.schema.name, table.relation),
    await findTable(send, db.schema.name, keysName),
  ];
  if (items !== undefined) {
    const claim = claimOn(ownerFromComment(items.comment), identity);
    const isOurs = claim === 'own' || claim === 'left-over' || claim === 'unnamed';
    if (!isOurs || items.code.kind !== 'r') throw occupied(table.relation);
    // First without the lock, so that a refusal does not delay a server that uses the table.
    if (!isFree && (await holdsRows(session, table.name))) throw holdsItems();
    await session.waitBriefly();
    await session.query({ text: `LOCK TABLE ${table.name} IN ACCESS EXCLUSIVE MODE` });
    if (!isFree && (await holdsRows(session, table.name))) throw holdsItems();
    await session.query({ text: `DROP TABLE ${table.name}` });
  }
  if (keys === undefined) return;
  if (!areKeysOf(identity, keys)) throw occupied(keysName);
  await session.waitBriefly();
  await session.query({ text: `DROP TABLE ${table.keysName}` });
}

function sameStorage(): QueueError {
  return invalid('storage_name is invalid; it is the storage on which the partition is');
}

function hasLeft(): QueueError {
  return invalid('the partition is not there; it has moved to another storage');
}

function holdsItems(): QueueError {
  return invalid('storage_name is invalid; that storage holds items of this partition already');
}

function occupied(relation: string): QueueError {
  return invalid(
    errorText`storage_name is invalid; table '${relation}' of that storage belongs to something else`,
  );
}

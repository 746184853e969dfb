import {
  addDuration,
  formatItemId,
  type ItemId,
  LAST_INSTANT,
  milliseconds,
  type NewItem,
  SystemClock,
} from '@querator/core';
import { SeededRandom } from '@querator/core/testing';
import type pg from 'pg';
import type { Statement } from '../../src/database/database.ts';
import { readLowWater } from '../../src/low-water-mark/low-water-snapshot.ts';
import { complete } from '../../src/operations/complete.ts';
import { deleteByIds, deleteEach } from '../../src/operations/delete.ts';
import { extend } from '../../src/operations/extend.ts';
import { importItemsInto, importKeyed, prepareLetters } from '../../src/operations/import.ts';
import { readKeys, storeKeys, sweepKeys } from '../../src/operations/keys.ts';
import { lease } from '../../src/operations/lease.ts';
import { list } from '../../src/operations/list.ts';
import { markMoved } from '../../src/operations/mark-moved.ts';
import { abortLetters, commitLetters, findLetters } from '../../src/operations/prepared-letters.ts';
import { produce } from '../../src/operations/produce.ts';
import { produceAndLease } from '../../src/operations/produce-and-lease.ts';
import { produceKeyed, produceKeyedAndLease } from '../../src/operations/produce-keyed.ts';
import { release } from '../../src/operations/release.ts';
import { remove } from '../../src/operations/remove.ts';
import { retry } from '../../src/operations/retry.ts';
import { expireItems } from '../../src/operations/sweep-expired.ts';
import { endLeases } from '../../src/operations/sweep-leases.ts';
import { probe } from '../../src/operations/sweep-probe.ts';
import { enqueueDue } from '../../src/operations/sweep-scheduled.ts';
import { takeItems } from '../../src/operations/taken-items.ts';
import { transfer } from '../../src/operations/transfer.ts';
import type { PartitionContext, PartitionTable } from '../../src/sql/partition-table.ts';
import { RecordingDatabase } from './recording-database.ts';

const CONTENT = { encoding: '', kind: '', reference: '', payload: new Uint8Array(10) };
/** One for all statements: a new clock first waits for the next millisecond. */
const CLOCK = new SystemClock();
const EXPIRE_TIMEOUT = milliseconds(60_000);
const MOVE = { maxAttempts: 3, dead: 'move' } as const;
const DELETE = { maxAttempts: 3, dead: 'delete' } as const;

/** The tables of a partition, as statements on a table without and with the column for details see it. */
export interface PlannedTables {
  readonly plain: PartitionTable;
  /** Undefined: only the statements of the other one. */
  readonly detailed: PartitionTable | undefined;
}

/**
 * The statements of all operations except those for operators, with batches of the
 * given ids. They are run and rolled back.
 */
export async function statementsOfEveryOperation(
  client: pg.Client,
  { plain, detailed }: PlannedTables,
  ids: readonly ItemId[],
): Promise<readonly Statement[]> {
  const recording = new RecordingDatabase(client);
  const others = { db: recording.asDatabase(), random: new SeededRandom(), clock: undefined };
  const all = [
    ...operations({ ...others, table: plain }, ids),
    ...(detailed === undefined ? [] : operationsOnDetails({ ...others, table: detailed }, ids)),
  ];
  await client.query('BEGIN');
  for (const operation of all) {
    await client.query('SAVEPOINT before');
    // The statement was recorded even if it fails, as complete does for an id that is not leased.
    await operation().catch(() => {});
    await client.query('ROLLBACK TO SAVEPOINT before');
  }
  await client.query('ROLLBACK');
  return recording.statements;
}

function operations(context: PartitionContext, ids: readonly ItemId[]): (() => Promise<unknown>)[] {
  const limit = ids.length;
  const items = ids.map(() => CONTENT);
  const withTexts = items.map((item) => ({ ...item, reference: 'a', encoding: 'b', kind: 'c' }));
  const enqueueAt = addDuration(CLOCK.now(), EXPIRE_TIMEOUT);
  const scheduled = items.map((item) => ({ ...item, enqueueAt }));
  const retried = ids.map((id) => ({ id, dead: false }));
  const imported = items.map((item) => ({ ...item, isLeased: false, attempts: 0, maxAttempts: 0 }));
  const letters = items.map((item, n) => ({ ...item, sourceId: ids[n] as ItemId }));
  const hold = { expireTimeout: EXPIRE_TIMEOUT, autoCommitTimeout: EXPIRE_TIMEOUT };
  const sweep = { limit, claimTimeout: milliseconds(1_000) };
  const twice = [{ ids }, { ids: ids.slice(0, 1) }];
  const keyed = (some: readonly NewItem[]) =>
    [
      { groups: some.map((each, n) => ({ key: `key ${n}`, items: [each] })), window: EXPIRE_TIMEOUT },
    ] as const;
  const store = { expireTimeout: EXPIRE_TIMEOUT, newKeys: 'store' } as const;
  const keyedLease = { limit, leaseTimeout: EXPIRE_TIMEOUT };
  return [
    () => produce(context, [{ items }], EXPIRE_TIMEOUT),
    () => produce(context, [{ items: items.slice(0, 1) }, { items }], EXPIRE_TIMEOUT),
    () => produce(context, [{ items: items.slice(0, 1) }], EXPIRE_TIMEOUT),
    () => produce(context, [{ items: withTexts }], EXPIRE_TIMEOUT),
    () => produce(context, [{ items: withTexts.slice(0, 1) }, { items: withTexts }], EXPIRE_TIMEOUT),
    () => produce(context, [{ items: withTexts.slice(0, 1) }], EXPIRE_TIMEOUT),
    () => produce(context, [{ items: scheduled }], EXPIRE_TIMEOUT),
    () => produceAndLease(context, [{ items }], EXPIRE_TIMEOUT, { limit, leaseTimeout: EXPIRE_TIMEOUT }, ''),
    () =>
      produceAndLease(
        context,
        [{ items: withTexts }],
        EXPIRE_TIMEOUT,
        { limit, leaseTimeout: EXPIRE_TIMEOUT },
        ids[0] ?? '',
      ),
    () => produceKeyed(context, keyed(items), store),
    () => produceKeyed(context, keyed(withTexts), store),
    () => produceKeyed(context, keyed(scheduled), store),
    () => produceKeyed(context, keyed(items), { ...store, newKeys: 'refuse' }),
    () => produceKeyed(context, keyed(items), { ...store, newKeys: 'find' }),
    () => produceKeyed(context, keyed(items), { ...store, keySpread: 1 }),
    () => produceKeyedAndLease(context, keyed(items), store, keyedLease, ''),
    () => produceKeyedAndLease(context, keyed(withTexts), store, keyedLease, ids[0] ?? ''),
    () => sweepKeys(context, limit, { from: '-infinity' }),
    () => readKeys(context, { after: 'k', limit }),
    () => storeKeys(context, [{ key: 'k', ids: [formatItemId(7n, 'abcdefghij')], endsAt: LAST_INSTANT }]),
    () => lease(context, { limit: 1, leaseTimeout: EXPIRE_TIMEOUT }, ''),
    () => lease(context, { limit: 1, leaseTimeout: EXPIRE_TIMEOUT }, ids[0] ?? ''),
    () => lease(context, { limit: limit + 1, leaseTimeout: EXPIRE_TIMEOUT }, ''),
    () => lease(context, { limit: limit + 1, leaseTimeout: EXPIRE_TIMEOUT }, ids[0] ?? ''),
    () => readLowWater(context, ids[0] ?? ''),
    () => release(context, ids),
    () => complete(context, [{ ids: ids.slice(0, 1) }]),
    () => complete(context, [{ ids: [...ids, 'another'] }]),
    () => complete(context, [{ ids }]),
    () => complete(context, twice),
    () =>
      extend(
        context,
        ids.map((id) => ({ id, leaseTimeout: EXPIRE_TIMEOUT })),
      ),
    () => retry(context, [{ items: retried }], MOVE),
    () => list(context, { state: 'queued', pivot: ids[0] ?? '', limit }),
    () => list(context, { state: 'scheduled', pivot: ids[0] ?? '', limit }),
    () => importItemsInto(context, imported, EXPIRE_TIMEOUT),
    () =>
      importKeyed(context, {
        groups: [{ key: 'import', items: imported }],
        window: EXPIRE_TIMEOUT,
        expireTimeout: EXPIRE_TIMEOUT,
      }),
    () => prepareLetters(context, letters, hold),
    () => commitLetters(context, ids),
    () => abortLetters(context, ids),
    () => findLetters(context, ids),
    () => deleteByIds(context, ids),
    () => deleteEach(context, ids),
    () => markMoved(context, ids),
    () => remove(context, ids),
    () => probe(context),
    () => enqueueDue(context, limit),
    () => endLeases(context, { ...sweep, ...MOVE }),
    () => endLeases(context, { ...sweep, ...DELETE }),
    () => expireItems(context, { ...sweep, ...MOVE }),
    () => expireItems(context, { ...sweep, ...DELETE }),
  ];
}

/** The operations whose statements differ on a table with the column for the details of items. */
function operationsOnDetails(context: PartitionContext, ids: readonly ItemId[]): (() => Promise<unknown>)[] {
  const limit = ids.length;
  const metadata = new Map([['key', 'value']]);
  const details = { firstId: ids[0] ?? '', metadata };
  const items = ids.map(() => ({ ...CONTENT, metadata }));
  const enqueueAt = addDuration(CLOCK.now(), EXPIRE_TIMEOUT);
  const scheduled = items.map((item) => ({ ...item, enqueueAt }));
  const retried = ids.map((id) => ({ id, dead: false }));
  const letters = items.map((item, n) => ({ ...item, sourceId: ids[n] as ItemId, details }));
  const hold = { expireTimeout: EXPIRE_TIMEOUT, autoCommitTimeout: EXPIRE_TIMEOUT };
  const sweep = { limit, claimTimeout: milliseconds(1_000) };
  const batch = { limit, leaseTimeout: EXPIRE_TIMEOUT, details: true };
  const page = { pivot: ids[0] ?? '', limit, details: true };
  return [
    () => produce(context, [{ items: items.slice(0, 1) }, { items }], EXPIRE_TIMEOUT),
    () => produce(context, [{ items: items.slice(0, 1) }], EXPIRE_TIMEOUT),
    () => produce(context, [{ items: scheduled }], EXPIRE_TIMEOUT),
    () => produceAndLease(context, [{ items }], EXPIRE_TIMEOUT, batch, ''),
    () => lease(context, batch, ids[0] ?? ''),
    () =>
      extend(
        context,
        ids.map((id) => ({ id, leaseTimeout: EXPIRE_TIMEOUT, maxHold: EXPIRE_TIMEOUT })),
      ),
    () => retry(context, [{ items: retried }], MOVE),
    () => retry(context, [{ items: retried.map((item) => ({ ...item, error: 'error' })) }], MOVE),
    () => list(context, { state: 'queued', ...page }),
    () => list(context, { state: 'scheduled', ...page }),
    () => prepareLetters(context, letters, hold),
    () => commitLetters(context, ids),
    () => enqueueDue(context, limit),
    () => endLeases(context, { ...sweep, ...MOVE }),
    () => endLeases(context, { ...sweep, ...DELETE }),
    () => expireItems(context, { ...sweep, ...MOVE }),
    () => takeItems(context, { task: 'task', ids, target: { queue: 'other', partition: 0 } }),
    () =>
      takeItems(context, { task: 'task', ids, state: 'scheduled', target: { queue: 'other', partition: 0 } }),
    () =>
      prepareLetters(
        context,
        letters.map((letter) => ({ ...letter, dueAt: LAST_INSTANT })),
        hold,
      ),
    // Into its own table, whose plans are those of any other.
    () => transfer(context, context, { ids, state: 'waiting', expireTimeout: EXPIRE_TIMEOUT }),
    () => transfer(context, context, { ids, state: 'scheduled', expireTimeout: EXPIRE_TIMEOUT }),
  ];
}

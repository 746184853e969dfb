import {
  type Duration,
  invariant,
  type KeyedItems,
  type KeyedProduceOptions,
  type KeyedProduceRequest,
  type KeyedProduceResult,
  type Outcome,
} from '@querator/core';
import type { Session } from '../database/database.ts';
import { idsInRow, newIds, randomEndsAt } from '../sql/new-item-id.ts';
import { nowParameter, nowSql, type PartitionContext } from '../sql/partition-table.ts';
import { isRefusedData, refusedItems } from '../sql/refused-data.ts';
import { refuseMetadata } from '../sql/refused-metadata.ts';
import { textArray } from '../wire/binary-array.ts';
import { dueTimes, hasMetadata, insertItems } from './insert-items.ts';
import { KeyedBatch, type KnownKey } from './keyed-batch.ts';
import { intArray, type KeyedRow, keyedShape, keyParameters } from './keyed-shape.ts';
import { writeRequests } from './whole-requests.ts';

/** Stores the items of new keys together with the keys; see core's `PartitionStore`. */
export async function produceKeyed(
  context: PartitionContext,
  requests: readonly KeyedProduceRequest[],
  { expireTimeout, newKeys }: KeyedProduceOptions,
): Promise<readonly Outcome<KeyedProduceResult>[]> {
  const refused = refuseMetadata(context, requests, ({ groups }) =>
    groups.some(({ items }) => items.some(hasMetadata)),
  );
  if (refused !== undefined) {
    return refused((others) => produceKeyed(context, others, { expireTimeout, newKeys }));
  }
  if (newKeys === 'refuse') {
    return await lookUp(context, requests);
  }
  return writeRequests(context.db, requests, {
    count: ({ groups }) => groups.reduce((sum, { items }) => sum + items.length, 0),
    insert: (send, some) => insert(send, context, new KeyedBatch(some), expireTimeout),
    refused: (error, { groups }) => {
      const items = groups.flatMap((group) => group.items);
      return refusedItems(context.db, error, items, keysOf(groups));
    },
  });
}

async function insert(
  send: Session['query'],
  context: PartitionContext,
  batch: KeyedBatch,
  expireTimeout: Duration,
): Promise<readonly KeyedProduceResult[]> {
  const { items, keys } = batch;
  if (keys.length === 0) return batch.results([]);
  const hasSchedules = items.some((item) => item.enqueueAt !== undefined);
  const ids = newIds(context, items.length);
  const shape = keyedShape(context.table, hasSchedules);
  const rows = await send<KeyedRow>(
    insertItems(context, shape, { items, ids, expireTimeout }, [
      ...(hasSchedules ? [dueTimes(items)] : []),
      intArray(batch.keyPlaces()),
      ...keyParameters(keys),
    ]),
  );
  const later = new Set(rows.flatMap((row) => (row.is === 'scheduled' ? row.position : [])));
  const known = rows.flatMap((row, place): KnownKey[] => {
    const key = keys[place];
    if (row.is === 'scheduled' || key === undefined) return [];
    if (row.is === 'held') return [{ isNew: false, ids: idsInRow(row.number, row.ends), scheduled: 0 }];
    const { position } = key;
    const scheduled = key.items.filter((_, n) => later.has(position + n)).length;
    const ends = randomEndsAt(ids, position, key.items.length);
    return [{ isNew: true, ids: idsInRow(row.number, ends), scheduled }];
  });
  invariant(known.length === keys.length, 'a keyed statement returns a row for every key');
  const newest = known.findLast(({ isNew }) => isNew)?.ids[0];
  context.table.numbers.observeId(newest);
  return batch.results(known);
}

function keysOf(groups: readonly KeyedItems[]): readonly string[] {
  return groups.map(({ key }) => key);
}

interface HeldRow {
  readonly key: string;
  readonly number: string;
  readonly ends: string;
}

/** Finds the keys that the partition holds, and stores nothing. */
async function lookUp(
  context: PartitionContext,
  requests: readonly KeyedProduceRequest[],
): Promise<readonly Outcome<KeyedProduceResult>[]> {
  try {
    const results = await find(context, new KeyedBatch(requests));
    return results.map((value) => ({ ok: true, value }));
  } catch (error) {
    if (!isRefusedData(error)) throw error;
    const [only] = requests;
    if (requests.length === 1 && only !== undefined) {
      return [{ ok: false, error: await refusedItems(context.db, error, [], keysOf(only.groups)) }];
    }
    return (await Promise.all(requests.map((request) => lookUp(context, [request])))).flat();
  }
}

async function find(context: PartitionContext, batch: KeyedBatch): Promise<readonly KeyedProduceResult[]> {
  const keys = batch.keys.map(({ key }) => key);
  const { keysName } = context.table;
  const rows = await context.db.read<HeldRow>({
    ...context.table.prepared(
      'keys_find',
      // IS TRUE keeps the planner from the index on `ends_at`, which finds no key.
      () => `SELECT key, first_number::text AS number, random_ends AS ends FROM ${keysName}
        WHERE key = ANY ($2::text[]) AND (ends_at > ${nowSql('$1')}) IS TRUE`,
    ),
    values: [nowParameter(context), textArray(keys)],
  });
  const held = new Map(rows.map((row) => [row.key, row]));
  return batch.results(
    keys.map((key) => {
      const row = held.get(key);
      return row && { isNew: false, ids: idsInRow(BigInt(row.number), row.ends), scheduled: 0 };
    }),
  );
}

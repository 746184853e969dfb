import type {
  ItemId,
  KeyedItems,
  KeyedProduceAndLeaseResult,
  KeyedProduceOptions,
  KeyedProduceRequest,
  KeyedProduceResult,
  LeaseBatch,
  Outcome,
} from '@querator/core';
import type { Session } from '../database/database.ts';
import { ITEMS_PER_STATEMENT } from '../sql/new-item-id.ts';
import { nowParameter, nowSql, type PartitionContext } from '../sql/partition-table.ts';
import { isRefusedData, refusedItems } from '../sql/refused-data.ts';
import { refuseMetadata } from '../sql/refused-metadata.ts';
import { textArray } from '../wire/binary-array.ts';
import { hasMetadata } from './insert-items.ts';
import { heldKey, insertKeyed } from './insert-keyed.ts';
import { KeyedBatch } from './keyed-batch.ts';
import { writeRequests } from './whole-requests.ts';

/** Stores the items of new keys together with the keys; see core's `PartitionStore`. */
export async function produceKeyed(
  context: PartitionContext,
  requests: readonly KeyedProduceRequest[],
  options: KeyedProduceOptions,
): Promise<readonly Outcome<KeyedProduceResult>[]> {
  const { expireTimeout, newKeys, keySpread = 0 } = options;
  if (newKeys !== 'store') return await lookUp(context, requests, newKeys);
  const refused = refuseMetadata(context, requests, ({ groups }) =>
    groups.some(({ items }) => items.some(hasMetadata)),
  );
  if (refused !== undefined) {
    return refused((others) => produceKeyed(context, others, options));
  }
  return writeRequests(context.db, requests, {
    count: ({ groups }) => groups.reduce((sum, { items }) => sum + items.length, 0),
    insert: async (send, some) =>
      (await insertKeyed(send, context, new KeyedBatch(some), { expireTimeout, keySpread })).results,
    refused: (error, { groups }) => {
      const items = groups.flatMap((group) => group.items);
      return refusedItems(context.db, error, items, keysOf(groups));
    },
  });
}

/**
 * As {@link produceKeyed}, and leases the first new items if no item waits.
 *
 * @param from no item is known to wait below this id. Undefined: items wait, so none
 *   is leased.
 */
export async function produceKeyedAndLease(
  context: PartitionContext,
  requests: readonly KeyedProduceRequest[],
  options: KeyedProduceOptions,
  batch: LeaseBatch,
  from: ItemId | undefined,
): Promise<KeyedProduceAndLeaseResult> {
  const inSteps = async () => ({ outcomes: await produceKeyed(context, requests, options), leased: [] });
  const all = new KeyedBatch(requests);
  const { items } = all;
  const isRefused = !context.table.metadata.isThere && items.some(hasMetadata);
  const isTooMuch = items.length > ITEMS_PER_STATEMENT;
  if (from === undefined || isRefused || isTooMuch || options.newKeys !== 'store') return inSteps();
  try {
    const send: Session['query'] = (statement) => context.db.write(statement);
    const { expireTimeout, keySpread = 0 } = options;
    const { results, leased } = await insertKeyed(send, context, all, {
      ...{ expireTimeout, keySpread, lease: { ...batch, from } },
    });
    return { outcomes: results.map((value) => ({ ok: true, value })), leased };
  } catch (error) {
    // The data of one request was refused and everything rolled back, so nothing is leased.
    if (isRefusedData(error)) return inSteps();
    throw error;
  }
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
  how: 'refuse' | 'find',
): Promise<readonly Outcome<KeyedProduceResult>[]> {
  try {
    const results = await find(context, new KeyedBatch(requests), how);
    return results.map((value) => ({ ok: true, value }));
  } catch (error) {
    if (!isRefusedData(error)) throw error;
    const [only] = requests;
    if (requests.length === 1 && only !== undefined) {
      return [{ ok: false, error: await refusedItems(context.db, error, [], keysOf(only.groups)) }];
    }
    return (await Promise.all(requests.map((request) => lookUp(context, [request], how)))).flat();
  }
}

// IS TRUE keeps the planner from the index on `ends_at`, which finds no key.
const heldIn = (keys: string) => `SELECT key, first_number::text AS number, random_ends AS ends FROM ${keys}
  WHERE key = ANY ($2::text[]) AND (ends_at > ${nowSql('$1')}) IS TRUE`;

async function find(
  context: PartitionContext,
  batch: KeyedBatch,
  how: 'refuse' | 'find',
): Promise<readonly KeyedProduceResult[]> {
  const keys = batch.keys.map(({ key }) => key);
  const { keysName } = context.table;
  const values = [nowParameter(context), textArray(keys)];
  const rows =
    how === 'refuse'
      ? await context.db.read<HeldRow>({
          ...context.table.prepared('keys_find', () => heldIn(keysName)),
          values,
        })
      : // It removes nothing, but the gate of a partition that has left refuses it.
        await context.db.write<HeldRow>({
          ...context.table.prepared(
            'keys_find_here',
            (table) => `WITH gate AS (DELETE FROM ${table} WHERE false) ${heldIn(keysName)}`,
          ),
          values,
        });
  const held = new Map(rows.map((row) => [row.key, row]));
  return batch.results(
    keys.map((key) => {
      const row = held.get(key);
      return row && heldKey(BigInt(row.number), row.ends);
    }),
  );
}

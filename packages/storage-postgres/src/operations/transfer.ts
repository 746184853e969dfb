import {
  type ItemId,
  LAST_INSTANT,
  metadataUnavailable,
  type TransferRequest,
  type TransferResult,
} from '@querator/core';
import { TAKEN_BY, withFirstId } from '../sql/item-details.ts';
import { OWN_MAX_ATTEMPTS } from '../sql/item-state.ts';
import { HELD_STATE } from '../sql/leased-items.ts';
import { newIds, newItemIdSql } from '../sql/new-item-id.ts';
import { nowParameter, nowSql, type PartitionContext } from '../sql/partition-table.ts';
import { bytesBefore, CONTENT_BYTES, withinBudget } from '../sql/payload-budget.ts';
import { isPossibleId } from '../sql/refused-data.ts';
import { HAS_REQUEUE_LOCK, MAY_REQUEUE } from '../sql/requeue-lock.ts';
import { textArray } from '../wire/binary-array.ts';
import { durationToText, instantToText } from '../wire/instant-text.ts';

const NOW = nowSql('$1');
/** The life of a scheduled item begins when it becomes available. */
const EXPIRE_DEADLINE = `least(greatest(enqueue_at, ${NOW}) + $4::interval, '${instantToText(LAST_INSTANT)}'::timestamptz)`;
const WITHIN_BUDGET = withinBudget('bytes_before');

/**
 * Deletes the items from one table and inserts them into the other, in one statement.
 *
 * Locks rows in the order of ids, so that callers with ids in common cannot deadlock.
 * Waits for locked rows: if it skipped them, the items after them would enter the target
 * first. A sweep gives scheduled items new ids, so these are taken under its lock only.
 * The condition on the state is one that no index matches.
 */
const transferItems = (state: TransferRequest['state'], source: string, target: string) => `
  WITH locked AS MATERIALIZED (
    SELECT id, ${CONTENT_BYTES} AS bytes FROM ${source}
    WHERE id = ANY ($2::text[]) AND ${HELD_STATE} = '${state}'${
      state === 'scheduled' ? ` AND ${TAKEN_BY} IS NULL AND ${MAY_REQUEUE}` : ''
    }
    ORDER BY id FOR UPDATE),
  measured AS MATERIALIZED (SELECT id, ${bytesBefore('bytes')} AS bytes_before FROM locked),
  taken AS (
    DELETE FROM ${source} WHERE id = ANY (ARRAY(SELECT id FROM measured WHERE ${WITHIN_BUDGET}))
    RETURNING id, enqueue_at, max_attempts, reference, encoding, kind, payload, metadata),
  numbered AS MATERIALIZED (SELECT taken.*, row_number() OVER (ORDER BY id) AS position FROM taken),
  stored AS (
    INSERT INTO ${target}
      (id, expire_deadline, enqueue_at, created_at, max_attempts, reference, encoding, kind, payload, metadata)
    SELECT ${newItemIdSql('position', '$3', target)}, ${EXPIRE_DEADLINE}, enqueue_at, ${NOW}, ${OWN_MAX_ATTEMPTS},
      reference, encoding, kind, payload, ${withFirstId('metadata', 'id')}
    FROM numbered RETURNING id)
  SELECT ARRAY(SELECT id FROM numbered ORDER BY position) AS transferred,
    ARRAY(SELECT id FROM measured WHERE NOT ${WITHIN_BUDGET}) AS left_over,
    (SELECT max(id) FROM stored) AS highest, ${HAS_REQUEUE_LOCK} AS granted`;

interface TransferredRow {
  readonly transferred: readonly ItemId[];
  readonly left_over: readonly ItemId[];
  /** The last of the new ids. Null if there is none. */
  readonly highest: ItemId | null;
  readonly granted: boolean;
}

/**
 * Moves items to the table of another partition in the same database.
 *
 * The statement is not prepared: there may be a million pairs of tables.
 *
 * @throws QueueError if one of the tables lacks the column for the details of items.
 */
export async function transfer(
  source: PartitionContext,
  target: PartitionContext,
  { ids, state, expireTimeout }: Omit<TransferRequest, 'target'>,
): Promise<TransferResult> {
  const fault = source.table.metadata.fault ?? target.table.metadata.fault;
  if (fault !== undefined) throw metadataUnavailable(fault);
  const possible = ids.filter(isPossibleId);
  if (possible.length === 0) return { transferred: [], left: [] };
  const statement = {
    text: transferItems(state, source.table.name, target.table.name),
    values: [
      nowParameter(source),
      textArray(possible),
      newIds(target, possible.length),
      durationToText(expireTimeout),
    ],
  };
  const [row] =
    state === 'scheduled'
      ? await source.table.requeueLock.run<TransferredRow>(source, statement)
      : await source.db.write<TransferredRow>(statement);
  target.table.numbers.observeId(row?.highest ?? undefined);
  const { transferred = [], left_over = [] } = row ?? {};
  const refused = state === 'scheduled' && row?.granted !== true && transferred.length === 0;
  return { transferred, left: refused ? possible : left_over };
}

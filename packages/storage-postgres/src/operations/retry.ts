import {
  type DeathRules,
  type ItemId,
  type Outcome,
  type RetriedItem,
  type RetryRequest,
  type RetryResult,
  SCHEDULE_THRESHOLD,
} from '@querator/core';
import type { Session, Statement } from '../database/database.ts';
import { arrayParameter } from '../sql/array-parameter.ts';
import { escapedError, withDeath, withError, withFirstId } from '../sql/item-details.ts';
import { MOVING, movingDeadline, PREPARED_LETTER } from '../sql/item-state.ts';
import { decideLeased, failUnlessAllLeased, notAllLeased } from '../sql/leased-items.ts';
import { newIds, newItemIdSql } from '../sql/new-item-id.ts';
import { nowParameter, nowSql, type PartitionContext } from '../sql/partition-table.ts';
import { isPossibleId, isRefusedData } from '../sql/refused-data.ts';
import { refuseMetadata } from '../sql/refused-metadata.ts';
import { textArray } from '../wire/binary-array.ts';
import { durationToText, instantToText } from '../wire/instant-text.ts';

/** The next state of an item, named as the counts in RetryResult. */
type NextState = keyof RetryResult;

const NOW = nowSql('$1');
const THRESHOLD = `'${durationToText(SCHEDULE_THRESHOLD)}'::interval`;

/**
 * What a statement writes besides the next states: the details of the items if the table
 * keeps them, and also errors if any item brings one.
 */
type Writes = 'states' | 'details' | 'errors';

/** What is given for each item. */
function arrays(writes: Writes): string {
  const types = {
    $2: 'text',
    $3: 'timestamptz',
    $4: 'boolean',
    ...(writes === 'errors' ? { $8: 'text' } : {}),
  };
  return Object.entries(types)
    .map(([parameter, type]) => arrayParameter(parameter, type))
    .join(', ');
}

/** The details of an item that is dead or gets another id. */
const metadataOf = (writes: Writes) => {
  const value = writes === 'errors' ? withError('item.metadata', 'decided.error') : 'item.metadata';
  const reason = `CASE WHEN decided.dead THEN 'rejected' ELSE 'attempts' END`;
  return `CASE decided.next_state WHEN 'waiting' THEN ${withFirstId(value)}
        WHEN 'moving' THEN ${withDeath(value, NOW, reason)} ELSE ${value} END`;
};

/** Further columns that the statement passes on. */
function further(writes: Writes, source?: string): string {
  const columns = { states: [], details: ['dead'], errors: ['dead', 'error'] }[writes];
  return columns.map((column) => `, ${source === undefined ? '' : `${source}.`}${column}`).join('');
}

/**
 * Decides and applies the next state of each item in the given order. The new ids have
 * the same order. Fails as a whole if an item is not leased. Locks rows in the order
 * of ids, so that callers with ids in common cannot deadlock.
 */
const retryLeased = (writes: Writes) => (table: string) =>
  `
  WITH given AS MATERIALIZED (
    SELECT * FROM unnest(${arrays(writes)})
      WITH ORDINALITY AS u (id, retry_at, dead${writes === 'errors' ? ', error' : ''}, position) ORDER BY id),
  locked AS (
    SELECT item.id, given.position, given.retry_at${further(writes, 'given')},
      CASE WHEN given.dead OR ($6::int > 0 AND item.attempts >= $6::int) THEN $7::text
        WHEN given.retry_at >= ${NOW} + ${THRESHOLD} THEN 'scheduled' ELSE 'waiting' END AS next_state,
      item.is_leased AND NOT ${MOVING} AND NOT ${PREPARED_LETTER} AS leased
    FROM given JOIN ${table} AS item ON item.id = given.id
    FOR UPDATE OF item),
  decided AS MATERIALIZED (
    SELECT id, retry_at, position, next_state${further(writes)},
      CASE WHEN next_state = 'waiting' THEN ${newItemIdSql('position', '$5', table)} ELSE id END AS new_id
    FROM locked WHERE leased),
  changed AS (
    UPDATE ${table} AS item SET
      id = decided.new_id,
      is_leased = decided.next_state = 'moving',
      lease_deadline = CASE WHEN decided.next_state = 'moving' THEN '-infinity'::timestamptz END,
      expire_deadline =
        CASE WHEN decided.next_state = 'moving' THEN ${movingDeadline('item.expire_deadline')}
        ELSE item.expire_deadline END,
      enqueue_at = CASE WHEN decided.next_state = 'scheduled' THEN decided.retry_at END${
        writes === 'states' ? '' : `,\n      metadata = ${metadataOf(writes)}`
      }
    FROM decided WHERE item.id = decided.id AND decided.next_state <> 'deleted'),
  gone AS (
    DELETE FROM ${table} AS item USING decided
    WHERE item.id = decided.id AND decided.next_state = 'deleted')
  SELECT CASE WHEN count(*) = cardinality($2::text[]) THEN array_agg(next_state ORDER BY position)
    ELSE ARRAY[${failUnlessAllLeased('count(*)')}::text] END AS next_states,
    max(new_id) FILTER (WHERE next_state = 'waiting') AS highest
  FROM decided`;

const RETRY = {
  states: retryLeased('states'),
  details: retryLeased('details'),
  errors: retryLeased('errors'),
};

/**
 * Retries leased items. All requests share one statement as long as all ids are good.
 * Otherwise each request is decided by itself.
 */
export async function retry(
  context: PartitionContext,
  requests: readonly RetryRequest[],
  rules: DeathRules,
): Promise<readonly Outcome<RetryResult>[]> {
  const refused = refuseMetadata(context, requests, ({ items }) => items.some(hasError));
  if (refused !== undefined) return refused((others) => retry(context, others, rules));
  try {
    return await retryAll(context, requests, rules);
  } catch (error) {
    if (!isRefusedData(error) || !requests.some(({ items }) => items.some(hasError))) throw error;
    // An error that the database lacks characters of must not keep its item, or others, from the retry.
    return await retryAll(context, requests.map(withEscapedErrors), rules);
  }
}

function withEscapedErrors({ items }: RetryRequest): RetryRequest {
  return {
    items: items.map((item) =>
      item.error === undefined ? item : { ...item, error: escapedError(item.error) },
    ),
  };
}

async function retryAll(
  context: PartitionContext,
  requests: readonly RetryRequest[],
  rules: DeathRules,
): Promise<readonly Outcome<RetryResult>[]> {
  const items = requests.flatMap((request) => request.items);
  const ids = items.map(({ id }) => id);
  if (new Set(ids).size === ids.length && ids.every(isPossibleId)) {
    try {
      const send = <Row>(statement: Statement) => context.db.write<Row>(statement);
      const nextStates = await decideNextStates(send, context, items, rules);
      return countPerRequest(requests, nextStates);
    } catch (error) {
      if (!notAllLeased(error)) throw error;
    }
  }
  return await context.db.transaction((session) => retryGood(session, context, requests, rules));
}

async function retryGood(
  session: Session,
  context: PartitionContext,
  requests: readonly RetryRequest[],
  rules: DeathRules,
): Promise<readonly Outcome<RetryResult>[]> {
  const idsOf = requests.map((request) => request.items.map(({ id }) => id));
  const refused = await decideLeased(session, context, idsOf, 'retried');
  const good = requests.filter((_, request) => refused[request] === undefined);
  const items = good.flatMap((request) => request.items);
  const send = <Row>(statement: Statement) => session.query<Row>(statement);
  const nextStates = await decideNextStates(send, context, items, rules);
  const accepted = countPerRequest(good, nextStates).values();
  return refused.map((outcome) => outcome ?? (accepted.next().value as Outcome<RetryResult>));
}

interface NextStatesRow {
  readonly next_states: readonly NextState[];
  /** The last of the new ids. Null if there is none. */
  readonly highest: ItemId | null;
}

async function decideNextStates(
  send: Session['query'],
  context: PartitionContext,
  items: readonly RetriedItem[],
  rules: DeathRules,
): Promise<readonly NextState[]> {
  if (items.length === 0) return [];
  const [row] = await send<NextStatesRow>(bind(context, items, rules));
  context.table.numbers.observeId(row?.highest ?? undefined);
  return row?.next_states ?? [];
}

function bind(context: PartitionContext, items: readonly RetriedItem[], rules: DeathRules): Statement {
  const values = [
    nowParameter(context),
    textArray(items.map(({ id }) => id)),
    items.map(({ retryAt }) => (retryAt === undefined ? null : instantToText(retryAt))),
    items.map(({ dead }) => dead),
    newIds(context, items.length),
    rules.maxAttempts,
    rules.dead === 'move' ? 'moving' : 'deleted',
  ];
  const { table } = context;
  if (!table.metadata.isThere) return { ...table.prepared('retry', RETRY.states), values };
  if (!items.some(hasError)) return { ...table.prepared('retry_details', RETRY.details), values };
  const errors = textArray(items.map(({ error = '' }) => error));
  return { ...table.prepared('retry_errors', RETRY.errors), values: [...values, errors] };
}

function hasError({ error }: RetriedItem): boolean {
  return error !== undefined;
}

function countPerRequest(
  requests: readonly RetryRequest[],
  nextStates: readonly NextState[],
): readonly Outcome<RetryResult>[] {
  let next = 0;
  return requests.map(({ items }) => {
    const value = { waiting: 0, scheduled: 0, moving: 0, deleted: 0 };
    for (const nextState of nextStates.slice(next, next + items.length)) value[nextState]++;
    next += items.length;
    return { ok: true, value };
  });
}

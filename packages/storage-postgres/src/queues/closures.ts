import { addDuration, type Duration, type Instant } from '@querator/core';
import type { Statement } from '../database/database.ts';
import { nowSql } from '../sql/partition-table.ts';
import { durationToText, instantFromText, instantToText } from '../wire/instant-text.ts';

/**
 * The closure of a queue is in the JSON of its first placement, as its pauses are. A
 * server of an earlier version ignores it.
 */
const CLOSURE = "'{0,closure}'";
const WHICH_QUEUE = 'name = $1 AND created_at = $2::timestamptz';

const begin = (queues: string) => `
  UPDATE ${queues} SET partitions = jsonb_set(partitions, ${CLOSURE},
    jsonb_build_object('token', $3::text, 'until', (${nowSql('$5')} + $4::interval)::text))
  WHERE ${WHICH_QUEUE} RETURNING 1`;

const end = (queues: string) => `
  UPDATE ${queues} SET partitions = partitions #- ${CLOSURE}
  WHERE ${WHICH_QUEUE} AND partitions #>> '{0,closure,token}' = $3 RETURNING 1`;

/** The closure of a queue as JSON. `until` is a text as PostgreSQL writes a time. */
export interface StoredClosure {
  readonly token: string;
  readonly until: string;
}

/** The statement of `QueueStore.close`. It returns a row if it changed anything. @param now null: by the database's clock. */
export function closeStatement(
  queues: string,
  { name, createdAt }: { readonly name: string; readonly createdAt: Instant },
  { token, timeout }: { readonly token: string; readonly timeout: Duration | undefined },
  now: string | null,
): Statement {
  const values = [name, instantToText(createdAt), token];
  if (timeout === undefined) return { text: end(queues), values };
  return { text: begin(queues), values: [...values, durationToText(timeout), now] };
}

/** The token of a closure that is in force `ahead` from when it was read. */
export function closureInForce(
  closure: StoredClosure | undefined,
  readAt: string,
  ahead: Duration,
): string | undefined {
  if (closure === undefined) return undefined;
  return instantFromText(closure.until) > addDuration(instantFromText(readAt), ahead)
    ? closure.token
    : undefined;
}

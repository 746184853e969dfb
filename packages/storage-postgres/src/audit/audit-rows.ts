import type { AuditEvent, AuditPosition, NewAuditEvent } from '@querator/core';
import type { Statement } from '../database/database.ts';
import { asciiJson, asciiText, fromAsciiText } from '../sql/ascii-json.ts';
import { nowSql } from '../sql/partition-table.ts';
import { textArray } from '../wire/binary-array.ts';
import { instantFromText } from '../wire/instant-text.ts';

/** A row of `querator_audit` as `pg` returns it. */
export interface AuditRow {
  readonly id: string;
  readonly at: string;
  readonly namespace: string;
  readonly user_id: string;
  readonly username: string;
  readonly action: string;
  readonly details: string;
}

/** The fields without a column of their own. JSON leaves out those that are undefined. */
type Details = Pick<
  NewAuditEvent,
  'outcome' | 'keyId' | 'peer' | 'requestId' | 'object' | 'changes' | 'items' | 'code' | 'reason'
>;

/**
 * The statement that stores events, but no second begin and no second end of a call.
 *
 * @param audit the table as SQL.
 * @param now as `nowParameter` gives it.
 */
export function insertEvents(audit: string, events: readonly NewAuditEvent[], now: string | null): Statement {
  const column = (textOf: (event: NewAuditEvent) => string) => textArray(events.map(textOf));
  return {
    text: `
      INSERT INTO ${audit} (id, at, namespace, user_id, username, action, details)
      SELECT id, ${nowSql('$1')}, namespace, user_id, username, action, details
      FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[])
        AS event (id, namespace, user_id, username, action, details)
      ON CONFLICT (id) DO NOTHING`,
    values: [
      now,
      column(({ callId, outcome }) => toRowId({ callId, ended: outcome !== 'begun' })),
      column(({ namespace }) => asciiText(namespace)),
      column(({ userId }) => asciiText(userId)),
      column(({ username }) => asciiText(username)),
      column(({ action }) => asciiText(action)),
      column(detailsOf),
    ],
  };
}

function detailsOf(event: NewAuditEvent): string {
  const { outcome, keyId, peer, requestId, object, changes, items, code, reason } = event;
  const details: Details = { outcome, keyId, peer, requestId, object, changes, items, code, reason };
  return asciiJson(details);
}

export function rowToEvent(row: AuditRow): AuditEvent {
  const { outcome, keyId, peer, requestId, object, changes, items, code, reason } = JSON.parse(
    row.details,
  ) as Details;
  return {
    at: instantFromText(row.at),
    callId: callOf(row),
    outcome,
    action: fromAsciiText(row.action),
    namespace: fromAsciiText(row.namespace),
    userId: fromAsciiText(row.user_id),
    username: fromAsciiText(row.username),
    ...{ keyId, peer, requestId, object, changes, items, code, reason },
  };
}

export function rowToPosition(row: AuditRow): AuditPosition {
  return { at: instantFromText(row.at), callId: callOf(row), ended: row.id.endsWith(ENDED) };
}

/** Rows in the order of these ids have the begin of a call before its end. */
export function toRowId({ callId, ended }: Pick<AuditPosition, 'callId' | 'ended'>): string {
  return callId + (ended ? ENDED : BEGUN);
}

/** The space is less than every character of the id of a call. */
const BEGUN = ' begun';
const ENDED = ' ended';

function callOf({ id }: AuditRow): string {
  return id.slice(0, id.indexOf(' '));
}

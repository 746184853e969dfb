import {
  type AuditEvent,
  type AuditListRequest,
  type AuditPage,
  type AuditPosition,
  type Duration,
  instantFromMicroseconds,
  type NewAuditEvent,
  toMicroseconds,
} from '@querator/core';
import type { Value } from '../file/connection.ts';
import type { Transaction } from '../file/transaction.ts';

/** A row of the table of events. */
interface EventRow {
  readonly at: bigint;
  readonly call_id: string;
  /** 0: the event of the begin of its call. */
  readonly ended: bigint;
  readonly user_id: string;
  readonly username: string;
  readonly action: string;
  readonly event: string;
}

/** The most rows that a page reads. Only times and namespaces have an index: the events of one user may be far apart. */
const MOST_ROWS_READ = 5_000;

/** Stores events. Of the ends of one call only the first is stored, and of its begins. */
function addEvents(
  { connection, now }: Transaction,
  { events }: { readonly events: readonly NewAuditEvent[] },
): void {
  for (const event of events) {
    connection.run(
      `insert or ignore into audit_events (call_id, ended, at, namespace, user_id, username, action, event)
       values (?, ?, ?, ?, ?, ?, ?, ?)`,
      ...[event.callId, event.outcome === 'begun' ? 0 : 1, now, keyText(event.namespace)],
      ...[keyText(event.userId), keyText(event.username), keyText(event.action), JSON.stringify(event)],
    );
  }
}

function listEvents({ connection }: Transaction, request: AuditListRequest): AuditPage {
  const { namespace, from, to, actor, actions, after, limit } = request;
  const conditions = ['at >= ?', 'at < ?'];
  const values: Value[] = [from, to];
  if (namespace !== undefined) {
    conditions.push('namespace = ?');
    values.push(keyText(namespace));
  }
  if (after !== undefined) {
    conditions.push('(at, call_id, ended) < (?, ?, ?)');
    values.push(after.at, after.callId, after.ended ? 1 : 0);
  }
  const rows = connection.each<EventRow>(
    `select at, call_id, ended, user_id, username, action, event from audit_events
     where ${conditions.join(' and ')} order by at desc, call_id desc, ended desc limit ?`,
    ...values,
    MOST_ROWS_READ + 1,
  );
  const events: AuditEvent[] = [];
  let last: EventRow | undefined;
  let read = 0;
  for (const row of rows) {
    if (events.length === limit || read === MOST_ROWS_READ) return { events, next: last && positionOf(last) };
    last = row;
    read++;
    if (isWanted(row, { actor, actions })) events.push(eventOf(row));
  }
  return { events, next: undefined };
}

function pruneEvents(
  { connection, now }: Transaction,
  { keep, limit }: { readonly keep: Duration; readonly limit: number },
): number {
  return connection.run(
    `delete from audit_events where rowid in (
       select rowid from audit_events where at < ? order by at, call_id, ended limit ?)`,
    ...[now - toMicroseconds(keep), limit],
  );
}

function isWanted(row: EventRow, { actor, actions }: Pick<AuditListRequest, 'actor' | 'actions'>): boolean {
  const isOfActor = actor === undefined || [row.user_id, row.username].includes(keyText(actor));
  return isOfActor && (actions === undefined || actions.some((action) => row.action === keyText(action)));
}

function eventOf({ at, event }: EventRow): AuditEvent {
  const { keyId, requestId, items, code, reason, ...rest } = JSON.parse(event) as NewAuditEvent;
  return { ...rest, ...{ keyId, requestId, items, code, reason }, at: instantFromMicroseconds(at) };
}

function positionOf({ at, call_id: callId, ended }: EventRow): AuditPosition {
  return { at: instantFromMicroseconds(at), callId, ended: ended === 1n };
}

/** Texts of events come from callers. As JSON they come back unchanged, also if they are no valid Unicode. */
function keyText(text: string): string {
  return JSON.stringify(text);
}

/** The calls on audit events. */
export const AUDIT_CALLS = { addEvents, listEvents, pruneEvents };

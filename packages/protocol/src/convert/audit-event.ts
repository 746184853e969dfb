import type { AuditEvent } from '@querator/core';
import type { AuditEvent as AuditEventMessage } from '../gen/querator/v2/audit.ts';
import { toTimestamp } from '../time/wire-time.ts';

/** The wire form of an audit event. */
export function fromAuditEvent(event: AuditEvent): AuditEventMessage {
  const { callId, at, action, outcome, username, userId, peer, namespace, object, items, changes } = event;
  const details = items === undefined ? object : { ...object, items };
  return {
    id: callId,
    at: toTimestamp(at),
    ...{ action, outcome, username, userId, peer, namespace },
    keyId: event.keyId ?? '',
    requestId: event.requestId ?? '',
    details: new Map(Object.entries(details).map(([name, value]) => [name, String(value)])),
    changes: changes.map((change) => ({ ...change })),
    code: event.code ?? 0,
    reason: event.reason ?? '',
  };
}

import type { AuditStore, Instant, NewAuditEvent } from '@querator/core';

/** The event of a call that was done. */
export function auditEvent(callId: string, overrides: Partial<NewAuditEvent> = {}): NewAuditEvent {
  return {
    callId,
    outcome: 'ok',
    action: 'queues.create',
    namespace: 'n',
    userId: 'u',
    username: 'ann',
    keyId: undefined,
    peer: '127.0.0.1',
    requestId: undefined,
    object: {},
    changes: [],
    items: undefined,
    code: undefined,
    reason: undefined,
    ...overrides,
  };
}

/** A request for the newest events of all namespaces. */
export const EVERYTHING = {
  namespace: undefined,
  from: 0n as Instant,
  to: 4_102_444_800_000_000n as Instant,
  actor: undefined,
  actions: undefined,
  after: undefined,
  limit: 100,
};

/** The calls of the newest events. */
export async function storedCalls(store: AuditStore): Promise<readonly string[]> {
  return (await store.list(EVERYTHING)).events.map(({ callId }) => callId);
}

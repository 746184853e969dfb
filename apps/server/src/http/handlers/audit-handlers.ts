import type { AuditService } from '@querator/access';
import { accessDenied, SYSTEM_NAMESPACE, unavailable } from '@querator/core';
import { type endpointsV2, fromAuditEvent, fromOptionalTimestamp, type Handlers } from '@querator/protocol';
import type { CallContext } from '../call/call-context.ts';

const NOT_STORED = "audit events are not stored; the server's setting audit.table is off";

/** The handler that shows audit events. @param audit undefined: events are not stored. */
export function auditHandlers(
  audit: AuditService | undefined,
): Handlers<(typeof endpointsV2)['audit'], CallContext> {
  return {
    async list({ from, to, ...request }, { caller }) {
      if (audit === undefined) {
        const namespace = request.namespace || SYSTEM_NAMESPACE;
        if (!caller.may('rolebinding.list', namespace)) throw accessDenied();
        throw unavailable('failed', NOT_STORED);
      }
      const call = { ...request, from: fromOptionalTimestamp(from), to: fromOptionalTimestamp(to) };
      const { items, cursor } = await audit.list(call, caller);
      return { items: items.map(fromAuditEvent), cursor };
    },
  };
}

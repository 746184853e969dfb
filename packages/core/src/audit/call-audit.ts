import type { AuditChange, NewAuditEvent } from './audit-event.ts';

/** Makes an event when the change that it tells of has been made, and before it is committed. May run more than once. */
export type MakeAuditEvent = () => NewAuditEvent;

/** What a call did, for its event. */
export interface AuditEffect {
  /** The id of a record that the call added. */
  readonly id?: string | undefined;
  /** What the record is that the call names by its id only. */
  readonly named?: { readonly namespace: string; readonly queue: string; readonly kind: string } | undefined;
  readonly changes?: readonly AuditChange[] | undefined;
  /** The number of items that the call stored or removed. */
  readonly items?: number | undefined;
}

/** The audit of one call, for the services that carry it out. */
export interface CallAudit {
  /** Adds what the call does to its event. A later value replaces an earlier one. */
  add(effect: AuditEffect): void;
  /**
   * Makes the event that the call has taken effect, for the store that keeps it in
   * the transaction of the change. Undefined: events are not stored.
   */
  readonly storedEvent: MakeAuditEvent | undefined;
}

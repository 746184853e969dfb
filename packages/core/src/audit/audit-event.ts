import type { Instant } from '../time/instant.ts';

/**
 * How far a call had come: about to change items, done, or refused. A call that
 * ended has one event `ok` or `failed`, never both.
 */
export type AuditOutcome = 'begun' | 'ok' | 'failed';

/** A setting that a call changed. */
export interface AuditChange {
  /** The name of the setting, as in the API. */
  readonly field: string;
  readonly before: string;
  readonly after: string;
}

/** Who called what, and with what outcome. Its texts are short and hold no secret and no payload. */
export interface NewAuditEvent {
  /** The id of the call, which no other call has. The events of a call share it. 1 to 100 letters, digits and hyphens of ASCII. */
  readonly callId: string;
  readonly outcome: AuditOutcome;
  /** The name of the call, such as `queues.delete` or `v2/queues.delete`. At most 100 characters. */
  readonly action: string;
  /** The namespace whose members may see the event, of at most 256 bytes. Empty: only who may see those of the whole server. */
  readonly namespace: string;
  /** The caller. */
  readonly userId: string;
  readonly username: string;
  /** Undefined: the caller had no API key. */
  readonly keyId: string | undefined;
  /** The network address of the caller. */
  readonly peer: string;
  /** Undefined: the request had none. */
  readonly requestId: string | undefined;
  /** What the call names, such as `queue` or `role`. */
  readonly object: Readonly<Record<string, string | number>>;
  /** What an update changed. Empty: nothing, or the call is no update. */
  readonly changes: readonly AuditChange[];
  /** The number of items that the call stored or removed. Undefined: none, or not known. */
  readonly items: number | undefined;
  /** The code of the reply, if the call failed. */
  readonly code: number | undefined;
  /** The text of the reply, if the call failed. */
  readonly reason: string | undefined;
}

/** An event as stored. */
export interface AuditEvent extends NewAuditEvent {
  /** When it was stored, by the storage's clock. */
  readonly at: Instant;
}

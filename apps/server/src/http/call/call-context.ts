import type { CallAudit, Caller } from '@querator/core';
import type { ElementReport } from '@querator/protocol';

/** The properties of a call that a handler gets besides its message. */
export interface CallContext extends ElementReport {
  /** Who makes the call, and what they may do. Renewed right before the handler runs. */
  caller: Caller;
  /** Aborted when the client disconnects. Only handlers that wait for long read it: creating it is expensive. */
  readonly signal: AbortSignal;
  /** Whether the client has disconnected. Cheap to call. */
  readonly isGone: () => boolean;
  /** Headers that a handler adds to the reply. A refused call does not send them. */
  replyHeaders: Readonly<Record<string, string>> | undefined;
  /** Gets what the call does. Undefined: the call is not audited. */
  audit: CallAudit | undefined;
}

import type { CallAudit, Caller, QueueError } from '@querator/core';
import type { ElementReport } from '@querator/protocol';
import type { CallHeaders } from './call-headers.ts';
import type { CallTrace } from './call-trace.ts';

/** The properties of a call that a handler gets besides its message. */
export interface CallContext extends ElementReport {
  /** Who makes the call, and what they may do. Renewed right before the handler runs. */
  caller: Caller;
  /** The headers of the request. */
  readonly headers: CallHeaders;
  /** Aborted when the client disconnects. Only handlers that wait for long read it: creating it is expensive. */
  readonly signal: AbortSignal;
  /** Whether the client has disconnected. Cheap to call. */
  readonly isGone: () => boolean;
  /** Headers that a handler adds to the reply. A refused call does not send them. */
  replyHeaders: Readonly<Record<string, string>> | undefined;
  /**
   * Why an answer of this length may not be sent, if it may not. Undefined: every answer may.
   * Asked once, before the call counts as answered.
   */
  answerRefusal?(bytes: number): QueueError | undefined;
  /** Gets what the call does. Undefined: the call is not audited. */
  audit: CallAudit | undefined;
  /** The span of the call. Undefined: it is not recorded. */
  trace: CallTrace | undefined;
}

import type { ServerResponse } from 'node:http';
import type { CallAudit, Caller, QueueError } from '@querator/core';
import type { AdmittedCall } from '../call/admitted-call.ts';
import type { CallContext } from '../call/call-context.ts';
import type { CallHeaders } from '../call/call-headers.ts';
import type { CallTrace } from '../call/call-trace.ts';

/** Decides whether the answer of a call may be sent. */
export interface AnswerLimit {
  /** Why an answer of this length may not, if it may not. */
  refusalOf(bytes: number): QueueError | undefined;
}

/** The context of a call, read from Node's response object. */
export class NodeCallContext implements CallContext {
  readonly #outgoing: ServerResponse;
  readonly #answers: AnswerLimit;
  readonly headers: CallHeaders;
  caller: Caller;
  readonly isGone: () => boolean;
  replyHeaders: Readonly<Record<string, string>> | undefined = undefined;
  elementsReceived: number | undefined = undefined;
  audit: CallAudit | undefined = undefined;
  trace: CallTrace | undefined = undefined;
  #signal: AbortSignal | undefined;

  constructor(
    outgoing: ServerResponse,
    { caller, headers }: Pick<AdmittedCall, 'caller' | 'headers'>,
    answers: AnswerLimit,
  ) {
    this.headers = headers;
    this.caller = caller;
    this.#answers = answers;
    this.#outgoing = outgoing;
    this.isGone = () => outgoing.destroyed;
  }

  answerRefusal(bytes: number): QueueError | undefined {
    return this.#answers.refusalOf(bytes);
  }

  get signal(): AbortSignal {
    this.#signal ??= this.#newSignal();
    return this.#signal;
  }

  #newSignal(): AbortSignal {
    const gone = new AbortController();
    if (this.#outgoing.destroyed) gone.abort();
    else this.#outgoing.once('close', () => this.#outgoing.writableFinished || gone.abort());
    return gone.signal;
  }
}

import type { ServerResponse } from 'node:http';
import type { CallAudit, Caller } from '@querator/core';
import type { CallContext } from '../call/call-context.ts';

/** The context of a call, read from Node's response object. */
export class NodeCallContext implements CallContext {
  readonly #outgoing: ServerResponse;
  caller: Caller;
  readonly isGone: () => boolean;
  replyHeaders: Readonly<Record<string, string>> | undefined = undefined;
  elementsReceived: number | undefined = undefined;
  audit: CallAudit | undefined = undefined;
  #signal: AbortSignal | undefined;

  constructor(outgoing: ServerResponse, caller: Caller) {
    this.caller = caller;
    this.#outgoing = outgoing;
    this.isGone = () => outgoing.destroyed;
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

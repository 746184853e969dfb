import type { CallAudit, Caller } from '@querator/core';
import type { CallContext } from './call-context.ts';
import type { CallHeaders } from './call-headers.ts';
import type { CallTrace } from './call-trace.ts';

/** The context of a call that can lose its permission while it waits. The handler then sees a caller who is gone. */
export class RevocableContext implements CallContext {
  readonly #inner: CallContext;
  readonly #revoked = new AbortController();
  caller: Caller;
  readonly isGone: () => boolean;
  elementsReceived: number | undefined;
  replyHeaders: Readonly<Record<string, string>> | undefined = undefined;
  audit: CallAudit | undefined;
  trace: CallTrace | undefined;
  #signal: AbortSignal | undefined;

  constructor(inner: CallContext) {
    this.#inner = inner;
    this.caller = inner.caller;
    this.audit = inner.audit;
    this.trace = inner.trace;
    this.elementsReceived = inner.elementsReceived;
    this.isGone = () => this.#revoked.signal.aborted || inner.isGone();
  }

  get headers(): CallHeaders {
    return this.#inner.headers;
  }

  get signal(): AbortSignal {
    this.#signal ??= AbortSignal.any([this.#revoked.signal, this.#inner.signal]);
    return this.#signal;
  }

  revoke(): void {
    this.#revoked.abort();
  }
}

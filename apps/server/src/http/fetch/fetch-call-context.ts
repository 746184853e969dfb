import type { CallAudit, Caller } from '@querator/core';
import type { Context } from 'hono';
import type { AdmittedCall } from '../call/admitted-call.ts';
import type { CallContext } from '../call/call-context.ts';
import type { CallHeaders } from '../call/call-headers.ts';
import type { CallTrace } from '../call/call-trace.ts';
import type { AppEnv } from './app-env.ts';

/**
 * The context of a call that comes through Hono.
 *
 * A class, because an object literal with a getter has a hidden class of its
 * own, which outlives the request and keeps all of it in memory.
 */
export class FetchCallContext implements CallContext {
  readonly #c: Context<AppEnv>;
  readonly headers: CallHeaders;
  caller: Caller;
  readonly isGone: () => boolean;
  replyHeaders: Readonly<Record<string, string>> | undefined = undefined;
  elementsReceived: number | undefined = undefined;
  audit: CallAudit | undefined = undefined;
  trace: CallTrace | undefined = undefined;

  constructor(c: Context<AppEnv>, { caller, headers }: Pick<AdmittedCall, 'caller' | 'headers'>) {
    this.headers = headers;
    this.#c = c;
    this.caller = caller;
    // In process no connection can break, so the caller's own signal counts.
    this.isGone = () => c.env?.outgoing?.destroyed ?? c.req.raw.signal.aborted;
  }

  get signal(): AbortSignal {
    return this.#c.req.raw.signal;
  }
}

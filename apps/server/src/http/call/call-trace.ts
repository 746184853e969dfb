import type { Metadata } from '@querator/core';

/** What became of a request. */
export interface TracedOutcome {
  readonly status: number;
  /** Undefined: the request failed before its body was decoded. */
  readonly request?: unknown;
  /** Undefined: it failed. */
  readonly response?: unknown;
  /** The lengths of the bodies, in bytes. */
  readonly bytes?: number;
  readonly replyBytes?: number;
  /** Why it failed, if it did. */
  readonly error?: unknown;
}

/** The span of a call that is recorded. */
export interface CallTrace {
  /** The fields of the call's log lines. */
  readonly logFields: { readonly trace_id: string; readonly span_id: string };
  /** The context that the client sent, if its trace is recorded, as pairs that go with an item. */
  readonly sentPairs: Metadata | undefined;
  /** The context of the span itself, as pairs that go with an item. Undefined: items get none. */
  readonly ownPairs: Metadata | undefined;
  /** Ends the span. */
  end(outcome: TracedOutcome): void;
}

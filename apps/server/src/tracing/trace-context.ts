import { createTraceState, isValidSpanId, isValidTraceId, type SpanContext } from '@opentelemetry/api';
import type { Metadata } from '@querator/core';

/** Names of the W3C Trace Context, as HTTP headers and as keys of metadata. */
export const TRACEPARENT = 'traceparent';
export const TRACESTATE = 'tracestate';

/** Version, trace id, span id, flags. Later versions may append fields. */
const TRACEPARENT_FORMAT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.{0,200})?$/;

/** Longer trace states are left out: they would go with every item. */
const MOST_TRACESTATE = 512;

/**
 * Reads a W3C Trace Context that another program sent.
 *
 * @param traceparent undefined: none was sent.
 * @returns undefined if it is absent or malformed. A malformed trace state is left out.
 */
export function readTraceContext(
  traceparent: string | undefined,
  tracestate: string | undefined,
): SpanContext | undefined {
  // The longest text of the format has 256 characters.
  if (traceparent === undefined || traceparent.length > 256) return undefined;
  const [, version, traceId = '', spanId = '', flags = '', rest] = TRACEPARENT_FORMAT.exec(traceparent) ?? [];
  if (version === undefined || version === 'ff' || (version === '00' && rest !== undefined)) return undefined;
  if (!isValidTraceId(traceId) || !isValidSpanId(spanId)) return undefined;
  const traceState = stateOf(tracestate);
  // Of the flags only the first is known.
  const traceFlags = Number.parseInt(flags, 16) & 1;
  return { traceId, spanId, traceFlags, isRemote: true, ...(traceState && { traceState }) };
}

/** The pairs by which a context goes with an item. */
export function pairsOf({ traceId, spanId, traceFlags, traceState }: SpanContext): Metadata {
  const flags = traceFlags.toString(16).padStart(2, '0');
  const pairs = new Map([[TRACEPARENT, `00-${traceId}-${spanId}-${flags}`]]);
  const state = traceState?.serialize() ?? '';
  if (state !== '') pairs.set(TRACESTATE, state);
  return pairs;
}

/** Whether the trace of a context is recorded by whoever began it. */
export function isSampled({ traceFlags }: SpanContext): boolean {
  return (traceFlags & 1) === 1;
}

function stateOf(tracestate: string | undefined) {
  if (tracestate === undefined || tracestate === '' || tracestate.length > MOST_TRACESTATE) return undefined;
  const state = createTraceState(tracestate);
  return state.serialize() === '' ? undefined : state;
}

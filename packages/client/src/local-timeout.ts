import { DurationSyntaxError, parseDuration, toMilliseconds } from '@querator/core';
import { queueEndpoints } from '@querator/protocol';

/** Calls that name no timeout are not supposed to wait for anything. */
const DEFAULT_TIMEOUT_MS = 30_000;

/** So long the server itself goes on with a call that cannot name a timeout. */
const SERVER_TIMEOUTS_MS: ReadonlyMap<string, number> = new Map([[queueEndpoints.retry.path, 5 * 60_000]]);

/** Time for the server's own answer to a timeout to arrive: it knows more than we do. */
const MARGIN_MS = 5_000;

/**
 * How long to wait for the reply to a request, in milliseconds: what the
 * request grants the server, and a margin.
 */
export function localTimeoutMs(path: string, request: object): number {
  const granted = 'requestTimeout' in request ? request.requestTimeout : undefined;
  const parsed = typeof granted === 'string' ? parse(granted) : undefined;
  return (parsed ?? SERVER_TIMEOUTS_MS.get(path) ?? DEFAULT_TIMEOUT_MS) + MARGIN_MS;
}

/** A duration that is wrong is for the server to refuse, in its own words. */
function parse(text: string): number | undefined {
  try {
    return Math.max(0, toMilliseconds(parseDuration(text)));
  } catch (error) {
    if (error instanceof DurationSyntaxError) return undefined;
    throw error;
  }
}

import { DurationSyntaxError, parseDuration, toMilliseconds } from '@querator/core';
import { endpointsV2, queueEndpoints } from '@querator/protocol';

/** For calls without a timeout, which should not wait for anything. */
const DEFAULT_TIMEOUT_MS = 30_000;

/** The server's own timeout for retry calls, which cannot name one. */
const SERVER_TIMEOUTS_MS: ReadonlyMap<string, number> = new Map(
  [queueEndpoints.retry, endpointsV2.queue.retry].map(({ path }) => [path, 5 * 60_000]),
);

/** Extra time for the server's timeout reply to arrive: it says more than a local timeout. */
const MARGIN_MS = 5_000;

/** Texts of timeouts that were parsed. A program uses few. */
const MOST_KNOWN = 100;

/**
 * Makes the function that tells how long to wait for the reply, in milliseconds:
 * the request's own timeout plus a margin.
 */
export function localTimeouts(): (path: string, request: object) => number {
  const known = new Map<string, number | undefined>();
  const parsed = (text: string): number | undefined => {
    if (known.has(text)) return known.get(text);
    const timeoutMs = parse(text);
    if (known.size < MOST_KNOWN) known.set(text, timeoutMs);
    return timeoutMs;
  };
  return (path, request) => {
    const granted = 'requestTimeout' in request ? request.requestTimeout : undefined;
    const timeoutMs = typeof granted === 'string' ? parsed(granted) : undefined;
    return (timeoutMs ?? SERVER_TIMEOUTS_MS.get(path) ?? DEFAULT_TIMEOUT_MS) + MARGIN_MS;
  };
}

/** Ignores a malformed duration: the server refuses it with its own text. */
function parse(text: string): number | undefined {
  try {
    return Math.max(0, toMilliseconds(parseDuration(text)));
  } catch (error) {
    if (error instanceof DurationSyntaxError) return undefined;
    throw error;
  }
}

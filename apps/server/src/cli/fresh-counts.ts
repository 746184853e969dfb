import { parseDuration, toMilliseconds } from '@querator/core';
import type { Cli } from './cli.ts';

/** The most looks, and the time between two: a command waits for two seconds at most. */
const MOST_LOOKS = 9;
const PAUSE_MS = 250;
/** Counts that are older, in milliseconds, were made before anybody asked. */
export const FRESH_MS = 10_000;

/**
 * Looks at counts that a server makes in the background. It begins when somebody asks, so the
 * first look may find old ones, or none: then it looks again, for a while.
 *
 * @param look makes the call.
 * @param isFresh whether its reply has the counts. If not, the last reply is returned all the same.
 */
export async function withFreshCounts<Reply>(
  cli: Cli,
  look: () => Promise<Reply>,
  isFresh: (reply: Reply) => boolean,
): Promise<Reply> {
  const signal = cli.interrupted();
  let reply = await look();
  for (let looks = 1; looks < MOST_LOOKS && !isFresh(reply) && !signal.aborted; looks++) {
    await cli.io.sleep(PAUSE_MS, signal);
    reply = await look();
  }
  return reply;
}

/** Whether a count is young enough. @param age as the API tells it; empty: there is no count. */
export function isFreshAge(age: string): boolean {
  return age !== '' && toMilliseconds(parseDuration(age)) <= FRESH_MS;
}

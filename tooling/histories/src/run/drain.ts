import { setTimeout as delay } from 'node:timers/promises';
import { CallFailed, type QueueCalls } from '../history/queue-calls.ts';
import type { Recorder } from '../history/recorder.ts';

/** Each server must find the queue empty this many times. */
const TIMES_EMPTY = 2;

/** The name prefix of clients that empty the queue. */
const NAME = 'drain';

/** Whether a client only empties the queue at the end. */
export function isDrainer(client: string): boolean {
  return client.startsWith(NAME);
}

/**
 * Leases and completes until every server reports an empty queue.
 *
 * @returns whether the queue was empty in time.
 */
export async function drain(
  recorder: Recorder,
  servers: readonly QueueCalls[],
  patienceMs: number,
): Promise<boolean> {
  const until = recorder.now() + patienceMs;
  const clients = servers.map((calls, instance) => recorder.client(`${NAME}${instance}`, instance, calls));
  let timesEmpty = 0;
  while (recorder.now() < until) {
    const sizes = await Promise.all(servers.map(sizeOf));
    if (sizes.every((size) => size === 0)) {
      timesEmpty++;
      if (timesEmpty === TIMES_EMPTY) return true;
      continue;
    }
    timesEmpty = 0;
    for (const client of clients) {
      const { partition, given } = await client.lease(1_000);
      if (given.length === 0) continue;
      await client.complete(
        partition,
        given.map(({ id }) => id),
      );
    }
    await delay(10);
  }
  return false;
}

async function sizeOf(calls: QueueCalls): Promise<number> {
  try {
    return await calls.size();
  } catch (error) {
    if (error instanceof CallFailed) return Number.NaN;
    throw error;
  }
}

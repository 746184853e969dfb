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

/** What is to be emptied. */
export interface ToDrain {
  /** The queue, at each server. */
  readonly queue: readonly QueueCalls[];
  /** Its dead-letter queue, at each server. Empty: there is none. */
  readonly letters?: readonly QueueCalls[];
  /** Counts what may still bring items. */
  readonly onTheirWay?: () => Promise<number>;
}

/**
 * Leases and completes until every server reports that the queues are empty.
 *
 * @returns whether they were in time.
 */
export async function drain(
  recorder: Recorder,
  { queue, letters = [], onTheirWay = async () => 0 }: ToDrain,
  patienceMs: number,
): Promise<boolean> {
  const until = recorder.now() + patienceMs;
  const clients = [
    ...queue.map((calls, instance) => recorder.client(`${NAME}${instance}`, instance, calls)),
    ...letters.map((calls, instance) => recorder.client(`${NAME}${instance}`, instance, calls, 'dead')),
  ];
  let timesEmpty = 0;
  while (recorder.now() < until) {
    // First: what leaves there meanwhile must be in the queue.
    const coming = await onTheirWay();
    const sizes = await Promise.all([...queue, ...letters].map(sizeOf));
    if (coming === 0 && sizes.every((size) => size === 0)) {
      timesEmpty++;
      if (timesEmpty === TIMES_EMPTY) return true;
      continue;
    }
    timesEmpty = 0;
    for (const [n, client] of clients.entries()) {
      // An empty queue would let the client wait.
      if (sizes[n] === 0) continue;
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

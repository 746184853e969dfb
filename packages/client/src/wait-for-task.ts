import {
  type Clock,
  type Random,
  // biome-ignore lint/style/noRestrictedImports: an outermost function of the package.
  SystemClock,
  // biome-ignore lint/style/noRestrictedImports: the same.
  SystemRandom,
} from '@querator/core';
import type { Task } from '@querator/protocol';
import type { Client } from './client.ts';
import { type BackOff, backOffMs, isTransient, pauseMsAfter } from './retry-policy.ts';
import { sleep } from './sleep.ts';

/** Options of {@link waitForTask}. */
export interface WaitForTaskOptions {
  /** Called with the task each time it was read, the last time when it has ended. */
  readonly onProgress?: ((task: Task) => void) | undefined;
  /** Ends the waiting. The task goes on. */
  readonly signal?: AbortSignal | undefined;
  readonly clock?: Clock | undefined;
  readonly random?: Random | undefined;
}

/** A short task is seen at once, and a long one costs the server a call every two seconds. */
const POLL: BackOff = { firstMs: 100, mostMs: 2_000 };

/**
 * Waits until a task has ended, and returns it: its `state` is `done`, `cancelled`
 * or `failed`. While the server is unreachable or busy, it goes on asking.
 *
 * @throws QueueError if there is no such task, or the caller may not see it. The
 *   signal's reason once it is aborted. What `onProgress` throws.
 */
export async function waitForTask(
  client: Client,
  id: string,
  { onProgress, signal, clock = new SystemClock(), random = new SystemRandom() }: WaitForTaskOptions = {},
): Promise<Task> {
  const stop = signal ?? new AbortController().signal;
  let failures = 0;
  for (let polls = 1; ; polls++) {
    stop.throwIfAborted();
    let pauseMs = backOffMs(polls, random, POLL);
    const task = await client.v2.tasks.get({ id }, { signal }).catch((error: unknown) => {
      if (stop.aborted || !isTransient(error)) throw error;
      pauseMs = pauseMsAfter(error, ++failures, random);
      return undefined;
    });
    if (task !== undefined) {
      failures = 0;
      onProgress?.(task);
      if (task.state !== 'running') return task;
    }
    await sleep(clock, pauseMs, stop);
  }
}

import type { Client } from '@querator/client';
import { errorText, PAUSABLE, type Pausable, QueueError } from '@querator/core';
import type { QueuesPausesResponse } from '@querator/protocol';
import { repeat, type Work } from '../repeat.ts';
import type { TargetQueue } from './create-queues.ts';

/** The pauses of queues, by their names. A queue that is not paused is left out. */
export type PausesOfQueues = ReadonlyMap<string, QueuesPausesResponse>;

/** The documented refusal of a pause whose end has passed, by the clock of the storage. */
const IS_OVER = 'until is invalid; it must be in the future';

/**
 * Reads the pauses that are in force.
 *
 * @returns undefined if the queue is not paused, or the server has `v1` only, which knows no pauses.
 * @throws the error of a call.
 */
export async function pausesOf(
  options: Work & { readonly client: Client },
  queueName: string,
): Promise<QueuesPausesResponse | undefined> {
  const { client, signal } = options;
  try {
    const described = await repeat(options, () => client.v2.queues.describe({ queueName }, { signal }));
    return described.pause;
  } catch (error) {
    if (error instanceof QueueError && error.code === 'unknown_method') return undefined;
    throw error;
  }
}

/**
 * Pauses queues as they were paused where they come from. A part of the work that is
 * paused already keeps its pause, and its end. To be called before the first item is
 * stored, so that no consumer gets one too early.
 *
 * @returns the queues, with what each is paused for now.
 * @throws the error of a call. A caller without the permission `queue.update` is told which queue it is.
 */
export async function carryPauses(
  options: Work & { readonly client: Client },
  targets: ReadonlyMap<string, TargetQueue>,
  pauses: PausesOfQueues,
): Promise<ReadonlyMap<string, TargetQueue>> {
  const carried = new Map(targets);
  for (const [queueName, wanted] of pauses) {
    const target = targets.get(queueName);
    if (target === undefined) continue;
    const existing = await pausesOf(options, queueName);
    const paused: Pausable[] = [];
    for (const work of PAUSABLE) {
      if (wanted[work] === undefined) continue;
      const isPaused = existing?.[work] !== undefined;
      if (isPaused || (await pause(options, { queueName, work, wanted }))) paused.push(work);
    }
    if (paused.length > 0) carried.set(queueName, { ...target, paused });
  }
  return carried;
}

/** @returns false if the pause is over by now. */
async function pause(
  options: Work & { readonly client: Client },
  {
    queueName,
    work,
    wanted,
  }: { readonly queueName: string; readonly work: Pausable; readonly wanted: QueuesPausesResponse },
): Promise<boolean> {
  const { client, signal } = options;
  const request = { queueName, [work]: true, until: wanted[work]?.until };
  try {
    await repeat(options, () => client.v2.queues.pause(request, { signal }));
    return true;
  } catch (error) {
    // Only the storage knows its clock.
    if (error instanceof QueueError && error.message === IS_OVER) return false;
    if (!(error instanceof QueueError && error.code === 'forbidden')) throw error;
    const text = errorText`queue '${queueName}' was paused, and must be before it gets items; that needs the permission queue.update`;
    throw new QueueError('forbidden', text, { cause: error });
  }
}

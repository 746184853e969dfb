import type { Client } from '@querator/client';
import { QueueError } from '@querator/core';
import type { Schedule } from '@querator/protocol';
import { repeat, type Work } from '../repeat.ts';

/**
 * The 29th of February: where the server is of a version that creates active schedules only, one with
 * these times can be paused before it fires.
 */
const PLACEHOLDER = { cron: '0 0 29 2 *', timeZone: 'UTC' };

/** Whether a schedule is one that {@link createPausedSchedule} was about to create from the other one. */
export function isPlaceholder(found: Schedule, wanted: Schedule): boolean {
  return (
    found.queueName === wanted.queueName &&
    found.cron === PLACEHOLDER.cron &&
    wanted.cron !== PLACEHOLDER.cron
  );
}

/**
 * Creates a schedule that is paused from the beginning. Servers of before create active ones, whatever they are
 * asked: so this one gets other times, is paused, and then gets its own. May be repeated.
 *
 * @param namespace that of its queue there.
 * @returns false if no time of it is left. Then there is none.
 * @throws the error of a call.
 */
export async function createPausedSchedule(
  options: Work & { readonly client: Client },
  namespace: string,
  { name, queueName, cron, timeZone, item, missed, until }: Schedule,
): Promise<boolean> {
  const { client, signal } = options;
  const { schedules } = client.v2;
  const settings = { name, queueName, item, missed, paused: true };
  await repeat(options, async () => {
    try {
      await schedules.create({ ...settings, ...PLACEHOLDER }, { signal });
    } catch (error) {
      // An attempt before has created it.
      if (!(error instanceof QueueError && error.message.endsWith('already exists'))) throw error;
    }
  });
  await repeat(options, () => schedules.pause({ namespace, name }, { signal }));
  try {
    await repeat(options, () => schedules.update({ ...settings, cron, timeZone, until }, { signal }));
    return true;
  } catch (error) {
    if (!(error instanceof QueueError && error.message.startsWith('until is invalid'))) throw error;
    await repeat(options, () => schedules.delete({ namespace, name }, { signal }));
    return false;
  }
}

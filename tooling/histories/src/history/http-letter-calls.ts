import { createClient } from '@querator/client';
import { type CallTimes, sourceOf } from './http-calls.ts';
import type { LetterCalls } from './letter-calls.ts';
import { orFail } from './outcome-of.ts';

const PAGE = 1_000;

/** The calls of an operator over HTTP. */
export function httpLetterCalls(endpoint: string, queueName: string, times: CallTimes): LetterCalls {
  const { items, tasks } = createClient({ endpoint }).v2;
  const patience = { timeoutMs: times.otherMs + times.marginMs };
  return {
    list: async () => {
      const request = { queueName, filter: { state: 'waiting' }, limit: PAGE, withPayload: true };
      const { items: letters } = await orFail(items.find(request, patience));
      return letters.map(({ payload, id, source }) => ({
        ...{ item: Buffer.from(payload).toString(), id, source: source && sourceOf(source) },
      }));
    },
    create: async (kind, rate) => {
      const { id } = await orFail(tasks.create({ kind, queueName, rate }, patience));
      return id;
    },
    cancel: async (id) => {
      await orFail(tasks.cancel({ id }, patience));
    },
    endOf: async (id) => {
      const { state, done, failed } = await orFail(tasks.get({ id }, patience));
      return state === 'running' ? undefined : { state, done: Number(done), failed: Number(failed) };
    },
    running: async () => (await orFail(tasks.list({ state: 'running' }, patience))).items.length,
  };
}

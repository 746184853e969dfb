import { createClient } from '@querator/client';
import type { CallTimes } from './http-calls.ts';
import type { ItemMoveCalls } from './item-move-calls.ts';
import { orFail } from './outcome-of.ts';

const KIND = 'move';
const PAGE = 20_000;

/** The calls by which tasks move items, over HTTP. */
export function httpItemMoveCalls(endpoint: string, times: CallTimes): ItemMoveCalls {
  const { queues, storage, v2 } = createClient({ endpoint });
  const patience = { timeoutMs: times.otherMs + times.marginMs };
  return {
    create: async (queueName) => {
      await queues.create({
        ...{ queueName, leaseTimeout: '1m', expireTimeout: '24h', requestedPartitions: 1 },
      });
    },
    produce: async (queueName, texts, dedupKey) => {
      const items = texts.map((utf8) => ({ utf8 }));
      await orFail(v2.queue.produce({ queueName, requestTimeout: '4s', items, dedupKey }, patience));
    },
    move: async (queueName, to) => {
      return (await orFail(v2.tasks.create({ kind: KIND, queueName, to }, patience))).id;
    },
    endOf: async (id) => {
      const { state, done, failed } = await orFail(v2.tasks.get({ id }, patience));
      return state === 'running' ? undefined : { state, done: Number(done), failed: Number(failed) };
    },
    running: async () =>
      (await orFail(v2.tasks.list({ state: 'running', kind: KIND }, patience))).items.length,
    stored: async (queueName) => {
      const { items } = await orFail(storage.itemsList({ queueName, partition: 0, limit: PAGE }));
      return items.map(({ payload }) => Buffer.from(payload).toString());
    },
  };
}

import type { Service } from '@querator/engine';
import type { ItemMoveCalls } from './item-move-calls.ts';
import { orFail } from './outcome-of.ts';
import { itemOf } from './service-calls.ts';

const KIND = 'move';
const PAGE = 1_000;

/** The calls by which tasks move items, on a service in this process. */
export function serviceItemMoveCalls(
  { items, keyedProduces, tasks }: Service,
  create: ItemMoveCalls['create'],
): ItemMoveCalls {
  return {
    create,
    produce: async (queueName, texts, dedupKey) => {
      const call = { queueName, requestTimeout: '4s', items: texts.map((text) => itemOf(text, undefined)) };
      await orFail(keyedProduces.produce({ ...call, dedupKey, itemKeys: [], dedupWindow: '' }));
    },
    move: async (queueName, to) => {
      return (await orFail(tasks.create({ kind: KIND, queueName, to, rate: 0, dryRun: false }))).id;
    },
    endOf: async (id) => {
      const { state, done, failed } = await orFail(tasks.get(id));
      return state === 'running' ? undefined : { state, done, failed };
    },
    running: async () => {
      const call = { namespace: '', queueName: '', kind: KIND, state: 'running', cursor: '', limit: 0 };
      return (await orFail(tasks.list(call))).items.length;
    },
    stored: async (queueName) => {
      const call = { queueName, filter: { state: 'waiting' }, limit: PAGE, withPayload: true, cursor: '' };
      const { items: found } = await orFail(items.find(call));
      return found.map(({ payload }) => Buffer.from(payload ?? '').toString());
    },
  };
}

import type { Service } from '@querator/engine';
import type { LetterCalls } from './letter-calls.ts';
import { orFail } from './outcome-of.ts';
import { storedSourceOf } from './service-calls.ts';

const PAGE = 1_000;

/** The calls of an operator on a service in this process. */
export function serviceLetterCalls({ items, tasks }: Service, queueName: string): LetterCalls {
  return {
    list: async () => {
      const call = { queueName, filter: { state: 'waiting' }, limit: PAGE, withPayload: true, cursor: '' };
      const { items: letters } = await orFail(items.find(call));
      return letters.map(({ payload, id = '', details: { source } }) => ({
        ...{ item: Buffer.from(payload ?? '').toString(), id, source: source && storedSourceOf(source) },
      }));
    },
    create: async (kind, rate) => {
      const call = { kind, queueName, to: '', rate, dryRun: false };
      return (await orFail(tasks.create(call))).id;
    },
    cancel: async (id) => {
      await orFail(tasks.cancel(id));
    },
    endOf: async (id) => {
      const { state, done, failed } = await orFail(tasks.get(id));
      return state === 'running' ? undefined : { state, done, failed };
    },
    running: async () => {
      const call = { namespace: '', queueName: '', kind: '', state: 'running', cursor: '', limit: 0 };
      return (await orFail(tasks.list(call))).items.length;
    },
  };
}

import { createClient } from '@querator/client';
import type { CallTimes } from './http-calls.ts';
import { httpLetterCalls } from './http-letter-calls.ts';
import type { MoveCalls } from './move-calls.ts';
import { orFail } from './outcome-of.ts';

/** The calls of an operator who moves partitions, over HTTP. */
export function httpMoveCalls(endpoint: string, times: CallTimes): MoveCalls {
  const { queues, tasks } = createClient({ endpoint }).v2;
  const patience = { timeoutMs: times.otherMs + times.marginMs };
  const { cancel, endOf } = httpLetterCalls(endpoint, '', times);
  return {
    ...{ cancel, endOf },
    create: async (place, storageName) => {
      const request = { kind: 'move_partition', ...place, storageName };
      return (await orFail(tasks.create(request, patience))).id;
    },
    storageOf: async ({ queueName, partition }) => {
      const { partitions } = await orFail(queues.describe({ queueName }, patience));
      return partitions[partition]?.storageName ?? '';
    },
  };
}

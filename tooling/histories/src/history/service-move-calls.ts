import type { Service } from '@querator/engine';
import type { MoveCalls } from './move-calls.ts';
import { orFail } from './outcome-of.ts';
import { serviceLetterCalls } from './service-letter-calls.ts';

/** The calls of an operator who moves partitions, on a service in this process. */
export function serviceMoveCalls(service: Service): MoveCalls {
  const { cancel, endOf } = serviceLetterCalls(service, '');
  return {
    ...{ cancel, endOf },
    create: async (place, storageName) => {
      const call = { kind: 'move_partition', ...place, storageName, to: '', rate: 0, dryRun: false };
      return (await orFail(service.tasks.create(call))).id;
    },
    storageOf: async ({ queueName, partition }) => {
      const { partitions } = await orFail(service.descriptions.describe(queueName));
      return partitions[partition]?.storageName ?? '';
    },
  };
}

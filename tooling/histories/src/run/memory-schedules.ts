import { instantFromMilliseconds, SYSTEM_NAMESPACE } from '@querator/core';
import type { SeededRandom } from '@querator/core/testing';
import { serviceScheduleCalls } from '../history/service-schedule-calls.ts';
import { LateSchedules } from './late-schedules.ts';
import type { MemoryStage } from './memory-stage.ts';

const QUEUE = 'timed';
const COUNT = 2;
const MOST_ITEMS = 100_000;

/** Late schedules of services in memory, with a queue of their own, which has no consumers. */
export async function memorySchedules(
  { services, storages, scheduleStore }: MemoryStage,
  random: SeededRandom,
): Promise<LateSchedules> {
  await services[0].queues.create({
    ...{ queueName: QUEUE, namespace: '', reference: '', deadQueue: '', maxAttempts: 0 },
    ...{ leaseTimeout: '1m', expireTimeout: '24h', requestedPartitions: 1 },
  });
  return new LateSchedules({
    calls: services.map((service) => serviceScheduleCalls(service, QUEUE)),
    setNext: async (at) => {
      const dueAt = instantFromMilliseconds(at);
      const request = { namespace: SYSTEM_NAMESPACE, queueName: QUEUE, pivot: '', limit: 100 };
      for (const { name } of await scheduleStore.list(request)) {
        await scheduleStore.update(SYSTEM_NAMESPACE, name, (stored) => ({
          ...stored,
          state: { ...stored.state, dueAt },
        }));
      }
    },
    stored: async () => {
      const store = storages[0]?.partitionStore({ queue: QUEUE, partition: 0 });
      const items = await store?.list({ state: 'queued', pivot: '', limit: MOST_ITEMS });
      return (items ?? []).map(({ payload }) => Buffer.from(payload).toString());
    },
    ...{ random, count: COUNT },
  });
}

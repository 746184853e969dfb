import { createClient } from '@querator/client';
import type { SeededRandom } from '@querator/core/testing';
import type { CallTimes } from '../history/http-calls.ts';
import { httpScheduleCalls } from '../history/http-schedule-calls.ts';
import { DirectConnection } from './direct-connection.ts';
import { LateSchedules } from './late-schedules.ts';
import type { Stage } from './stage.ts';
import { storedItems } from './stored-items.ts';

const QUEUE = 'timed';
const PARTITIONS = 2;
const COUNT = 3;

/** Late schedules of several servers, with a queue of their own, which has no consumers. */
export async function postgresSchedules(
  { instances, connectionString }: Stage,
  times: CallTimes,
  random: SeededRandom,
): Promise<LateSchedules> {
  const client = createClient({ endpoint: instances[0]?.url ?? '' });
  await client.queues.create({
    ...{ queueName: QUEUE, leaseTimeout: '1m', expireTimeout: '24h', requestedPartitions: PARTITIONS },
  });
  return new LateSchedules({
    calls: instances.map(({ url }) => httpScheduleCalls(url, QUEUE, times)),
    setNext: async (at) => {
      const text = `UPDATE querator_schedules SET look_at = $1::timestamptz,
        state = jsonb_set(state::jsonb, '{dueAt}', to_jsonb($2::text))::text`;
      await DirectConnection.query(connectionString(), text, [new Date(at).toISOString(), `${at}000`]);
    },
    stored: async () => (await storedItems(client, QUEUE, PARTITIONS)).map(({ payload }) => payload),
    ...{ random, count: COUNT },
  });
}

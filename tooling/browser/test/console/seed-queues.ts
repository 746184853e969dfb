import type { Client } from '@querator/client';

const SETTINGS = { leaseTimeout: '1m', expireTimeout: '24h', requestedPartitions: 1 };

/** Names that try to be taken for something else. */
const HOSTILE = ['<img/src=x/onerror=alert(1)>', 'pay\u202Eroll', 'a'.repeat(512)];

/** Makes some queues, with items in one of them and a schedule. */
export async function seedQueues(client: Client): Promise<void> {
  await client.queues.create({ ...SETTINGS, queueName: 'orders-dead' });
  await client.queues.create({
    ...SETTINGS,
    queueName: 'orders',
    requestedPartitions: 2,
    deadQueue: 'orders-dead',
    maxAttempts: 3,
  });
  for (const queueName of HOSTILE) {
    await client.queues.create({ ...SETTINGS, queueName, reference: 'team "><script>alert(1)</script>' });
  }
  const items = Array.from({ length: 20 }, (_, at) => ({ utf8: `order ${at}`, kind: 'order' }));
  await client.queue.produce({ queueName: 'orders', requestTimeout: '10s', items });
  await client.v2.schedules.create({
    name: 'nightly',
    queueName: 'orders',
    cron: '0 2 * * *',
    timeZone: 'UTC',
    missed: 'one',
    item: { utf8: 'nightly' },
  });
}

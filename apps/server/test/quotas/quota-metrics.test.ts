import { queueEndpoints } from '@querator/protocol';
import { expect, test } from 'vitest';
import { ADMIN_KEY } from '../access/support/access-server.ts';
import { call, produceOf, setQuota, tenantWithQueue, useQuotaServer } from './support/quota-server.ts';

const { server, pass } = useQuotaServer('memory');

/** The series whose names begin with this, without those that are 0. */
async function series(name: string): Promise<Record<string, number>> {
  const reply = await fetch(`${server.url}/metrics`, { headers: { Authorization: `Bearer ${ADMIN_KEY}` } });
  const lines = (await reply.text()).split('\n').filter((line) => line.startsWith(name));
  const entries = lines.map((line) => {
    const end = line.lastIndexOf(' ');
    return [line.slice(name.length, end), Number(line.slice(end + 1))] as const;
  });
  return Object.fromEntries(entries.filter(([, value]) => value !== 0));
}

test('the metrics tell what was refused, and what is used of each limit', async () => {
  const { queue, key, keyId, namespace } = await tenantWithQueue(server);
  await setQuota(server, { namespace, limits: { items_waiting: 8, items_per_second: 100 } });
  await setQuota(server, { key_id: keyId, limits: { requests_per_second: 4 } });
  const produce = (items: number) => call(server, queueEndpoints.produce, produceOf(queue, items), { key });
  const statuses = [await produce(4), await produce(2), await produce(4), await produce(4), await produce(1)];
  expect(statuses.map(({ status }) => status)).toEqual([200, 200, 454, 454, 429]);
  await pass(1_000);
  expect(await series('querator_quota_refusals_total')).toEqual({
    '{limit="items_waiting"}': 2,
    '{limit="requests_per_second"}': 1,
  });
  expect(await series('querator_quota_used_ratio')).toEqual({
    [`{kind="key",name="${keyId}",limit="requests_per_second"}`]: 1,
    [`{kind="namespace",name="${namespace}",limit="items_per_second"}`]: 0.06,
    [`{kind="namespace",name="${namespace}",limit="items_waiting"}`]: 0.75,
  });
});

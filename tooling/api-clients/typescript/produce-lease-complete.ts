/**
 * Works with the types that a generator makes from the OpenAPI document. The test puts
 * them beside a copy of this file, checks the types, and runs it.
 */
import process from 'node:process';
import createClient from 'openapi-fetch';
import type { paths } from './api.ts';

const { POST } = createClient<paths, 'application/json'>({ baseUrl: process.argv[2] as string });
const queue = { queue_name: 'typescript' };
const request_timeout = '5s';

await POST('/v1/queues.create', {
  body: { ...queue, lease_timeout: '1m', expire_timeout: '1h', requested_partitions: 1 },
});

const produced = await POST('/v2/queue.produce', {
  body: { ...queue, request_timeout, items: [{ utf8: 'one', metadata: { from: 'types' } }, { utf8: 'two' }] },
});
const ids = produced.data?.items?.map(({ id }) => id);

const leased = await POST('/v2/queue.lease', {
  body: { ...queue, request_timeout, client_id: 'c', batch_size: 10 },
});
const { items = [], partition } = leased.data ?? {};
const payloads = items.map(({ bytes = '' }) => Buffer.from(bytes, 'base64').toString());

const completed = await POST('/v2/queue.complete', {
  body: { ...queue, request_timeout, partition: partition ?? 0, ids: items.map(({ id = '' }) => id) },
});

const refused = await POST('/v2/queue.complete', {
  body: { queue_name: 'no-such-queue', request_timeout, ids: ['x'] },
});

process.stdout.write(
  JSON.stringify({
    sameIds: JSON.stringify(ids) === JSON.stringify(items.map(({ id }) => id)),
    payloads,
    metadata: items[0]?.metadata,
    failed: completed.data?.items?.filter(({ code }) => code !== undefined),
    reason: refused.error?.details?.['code'],
  }),
);

import { ManualClock } from '@querator/core/testing';
import { type AnyEndpoint, codecs, endpointsV2 } from '@querator/protocol';
import { afterAll, beforeAll } from 'vitest';
import {
  ADMIN_KEY,
  ENFORCED,
  fresh,
  newQueue,
  newTenant,
  type Tenant,
} from '../../access/support/access-server.ts';
import { type StorageName, TestServer } from '../../support/test-server.ts';

/** The encodings of the API. */
export const FORMATS = ['json', 'protobuf'] as const;
export type Format = (typeof FORMATS)[number];

/** A server with access control, whose clock for rates and samples a test moves. */
export interface QuotaServer {
  readonly server: TestServer;
  /** Moves the clock, and waits until the server has read its access control at that time. */
  readonly pass: (ms: number) => Promise<void>;
}

/** Starts a server before the tests of a block, and stops it after them. */
export function useQuotaServer(storage: StorageName, settings: object = ENFORCED): QuotaServer {
  let nowMs = 1_000;
  const server = new TestServer(settings, undefined, { monotonicClock: () => nowMs });
  beforeAll(() => server.start(storage));
  afterAll(() => server.dispose());
  const pass = async (ms: number) => {
    nowMs += ms;
    const knows = async () => (await call(server, endpointsV2.server.info, {})).status === 200;
    while (!(await knows()));
  };
  return { server, pass };
}

/** Starts a server whose clocks all stand still, apart from what a test moves. */
export function useFrozenServer(storage: StorageName): {
  readonly server: TestServer;
  readonly clock: ManualClock;
} {
  const clock = new ManualClock();
  const server = new TestServer(ENFORCED, undefined, { clock, monotonicClock: () => 1_000 });
  beforeAll(() => server.start(storage));
  afterAll(() => server.dispose());
  return { server, clock };
}

/** A reply in the form of JSON. */
export interface Reply {
  readonly status: number;
  readonly headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: tests read replies of every shape.
  readonly body: any;
}

/** Calls an endpoint in one of the encodings. */
export async function call(
  server: Pick<TestServer, 'url'>,
  endpoint: unknown,
  request: object,
  { key = ADMIN_KEY, format = 'json' }: { readonly key?: string; readonly format?: Format } = {},
): Promise<Reply> {
  const { path, request: sent, response } = endpoint as AnyEndpoint;
  const json = Buffer.from(JSON.stringify(request));
  const reply = await fetch(server.url + path, {
    method: 'POST',
    headers: {
      'Content-Type': `application/${format}`,
      Accept: `application/${format}`,
      Authorization: `Bearer ${key}`,
    },
    body: Buffer.from(format === 'json' ? json : sent.encode(sent.fromJson(json))),
  });
  const bytes = new Uint8Array(await reply.arrayBuffer());
  const codec = reply.status === 200 ? response : codecs.Reply;
  const text = Buffer.from(format === 'json' ? bytes : codec.toJson(codec.decode(bytes) as never)).toString();
  return { status: reply.status, headers: reply.headers, body: JSON.parse(text) };
}

/** Sets a quota as the administrator. */
export async function setQuota(
  server: Pick<TestServer, 'url'>,
  request: object,
  format: Format = 'json',
): Promise<void> {
  const { status, body } = await call(server, endpointsV2.quotas.set, request, { format });
  if (status !== 200) throw new Error(body.message);
}

/** Every permission on queues. */
const ALL_OF_QUEUES = [
  ...['queue.create', 'queue.delete', 'queue.update', 'queue.list', 'queue.produce', 'queue.lease'],
  ...['queue.complete', 'queue.retry', 'queue.stats', 'queue.clear'],
];

/** A tenant with a queue. */
export interface TenantWithQueue extends Tenant {
  readonly queue: string;
}

/** Creates a tenant whose key may do everything with its queue. @param scope whether the key is valid there only. */
export async function tenantWithQueue(
  server: Pick<TestServer, 'url'>,
  { scope = false, settings = {} }: { readonly scope?: boolean; readonly settings?: object } = {},
): Promise<TenantWithQueue> {
  const tenant = await newTenant(server, ALL_OF_QUEUES, { scope });
  return { ...tenant, queue: await newQueue(server, tenant.namespace, settings) };
}

/** The request of a produce. */
export function produceOf(queue: string, items = 1, payload = 'x'): object {
  const item = { encoding: '', kind: '', reference: '', utf8: payload };
  return { queue_name: queue, request_timeout: '5s', items: Array.from({ length: items }, () => item) };
}

/** The request of a lease. */
export function leaseOf(queue: string, items = 1, timeout = '5s'): object {
  return { queue_name: queue, batch_size: items, client_id: fresh('client'), request_timeout: timeout };
}

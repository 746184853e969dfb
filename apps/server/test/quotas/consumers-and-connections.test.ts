import { Agent, request } from 'node:http';
import { endpointsV2, queueEndpoints } from '@querator/protocol';
import { afterEach, describe, expect, test } from 'vitest';
import { ADMIN_KEY } from '../access/support/access-server.ts';
import { STORAGES } from '../support/test-server.ts';
import {
  call,
  leaseOf,
  produceOf,
  setQuota,
  tenantWithQueue,
  useQuotaServer,
} from './support/quota-server.ts';

/** Connections of a test, each of which is kept between requests. */
class OwnConnections {
  readonly #agents: Agent[] = [];

  /** A connection of its own. */
  open(url: string, key: string) {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    this.#agents.push(agent);
    return (path: string, body: object) =>
      new Promise<{ status: number | undefined; connection: string | undefined; port: number | undefined }>(
        (resolve, reject) => {
          const headers = { 'Content-Type': 'application/json', Authorization: `Bearer ${key}` };
          const sent = request(url + path, { method: 'POST', agent, headers }, (reply) => {
            const port = reply.socket.localPort;
            reply.resume().on('end', () => {
              resolve({ status: reply.statusCode, connection: reply.headers.connection, port });
            });
          });
          sent.on('error', reject).end(JSON.stringify(body));
        },
      );
  }

  close(): void {
    for (const agent of this.#agents.splice(0)) agent.destroy();
  }
}

describe.each(STORAGES)('consumers and connections on %s', { timeout: 60_000 }, (storage) => {
  const { server } = useQuotaServer(storage);
  const connections = new OwnConnections();
  afterEach(() => connections.close());
  const usage = async (subject: object) => (await call(server, endpointsV2.quotas.get, subject)).body.usage;

  test.each(['namespace', 'key'] as const)('consumers that wait beyond those of a %s', async (kind) => {
    const { queue, key, keyId, namespace } = await tenantWithQueue(server);
    const subject = kind === 'key' ? { key_id: keyId } : { namespace };
    await setQuota(server, { ...subject, limits: { waiting_consumers: 2 } });
    const lease = () => call(server, queueEndpoints.lease, leaseOf(queue, 1, '30s'), { key });
    const waiting = [lease(), lease()];
    while ((await usage(subject)).waiting_consumers !== 2);
    const who = kind === 'key' ? 'this api key' : `namespace '${namespace}'`;
    const refused = await lease();
    expect(refused).toMatchObject({
      status: 429,
      body: {
        message: `too many consumers; ${who} may have 2 waiting consumers, try again later`,
        details: { code: 'over_limit', retry_after: '1s' },
      },
    });
    expect(refused.headers.get('retry-after')).toBe('1');
    // Other calls are served, and so is the next consumer.
    expect(await call(server, queueEndpoints.produce, produceOf(queue, 2), { key })).toMatchObject({
      status: 200,
    });
    for (const each of waiting) expect(await each).toMatchObject({ status: 200 });
    expect((await usage(subject)).waiting_consumers ?? 0).toBe(0);
    await call(server, queueEndpoints.produce, produceOf(queue), { key });
    expect(await lease()).toMatchObject({ status: 200 });
  });

  test('consumers that time out or leave make room', async () => {
    const { queue, key, namespace } = await tenantWithQueue(server);
    await setQuota(server, { namespace, limits: { waiting_consumers: 1 } });
    const own = connections.open(server.url, key);
    const left = own('/v1/queue.lease', leaseOf(queue, 1, '5m')).catch(() => undefined);
    while ((await usage({ namespace })).waiting_consumers !== 1);
    connections.close();
    await left;
    while ((await usage({ namespace })).waiting_consumers === 1);
    const timedOut = await call(server, queueEndpoints.lease, leaseOf(queue, 1, '10ms'), { key });
    expect(timedOut).toMatchObject({ status: 454 });
    expect((await usage({ namespace })).waiting_consumers ?? 0).toBe(0);
  });

  test.each([
    { kind: 'namespace', scope: true },
    { kind: 'namespace', scope: false },
    { kind: 'key', scope: false },
  ] as const)(
    'connections beyond those of a $kind are closed, with a scope: $scope',
    async ({ kind, scope }) => {
      const { queue, key, keyId, namespace } = await tenantWithQueue(server, { scope });
      const subject = kind === 'key' ? { key_id: keyId } : { namespace };
      await setQuota(server, { ...subject, limits: { connections: 2 } });
      const newClient = () => {
        const send = connections.open(server.url, key);
        return () => send('/v1/queue.produce', produceOf(queue));
      };
      const [first, second, third] = [newClient(), newClient(), newClient()];
      const kept = [await first(), await second()];
      expect(kept).toMatchObject([{ status: 200 }, { status: 200 }]);
      expect(await usage(subject)).toMatchObject({ connections: 2 });
      expect(await third()).toMatchObject({ status: 429, connection: 'close' });
      // The others go on, on the same connections.
      expect([await first(), await second()]).toEqual(kept);
      connections.close();
      while (((await usage(subject)).connections ?? 0) > 0);
      const again = connections.open(server.url, key);
      expect(await again('/v1/queue.produce', produceOf(queue))).toMatchObject({ status: 200 });
    },
  );

  test('a connection belongs to the namespace of its last call', async () => {
    const one = await tenantWithQueue(server);
    const other = await tenantWithQueue(server);
    for (const { namespace } of [one, other])
      await setQuota(server, { namespace, limits: { connections: 1 } });
    const send = connections.open(server.url, ADMIN_KEY);
    const counts = async () =>
      Promise.all([one, other].map(async ({ namespace }) => (await usage({ namespace })).connections ?? 0));
    await send('/v1/queue.produce', produceOf(one.queue));
    expect(await counts()).toEqual([1, 0]);
    await send('/v1/queue.produce', produceOf(other.queue));
    expect(await counts()).toEqual([0, 1]);
    // Without a limit, nothing is counted.
    await setQuota(server, { namespace: other.namespace });
    await send('/v1/queue.produce', produceOf(other.queue));
    expect(await counts()).toEqual([0, 0]);
  });
});

import { once } from 'node:events';
import { request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createAdaptorServer } from '@hono/node-server';
import { createClient } from '@querator/client';
import { FaultyStorage, ManualClock, SeededRandom } from '@querator/core/testing';
import { createService, type Service } from '@querator/engine';
import { memoryBackend } from '@querator/storage-memory';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createHttpServer } from '../../src/http/node/http-server.ts';
import { Terminal } from '../cli/support/terminal.ts';
import { httpFixture } from '../support/http-fixture.ts';

interface Stats {
  readonly status: number;
  readonly age: string | undefined;
  readonly body: {
    readonly logicalQueues?: readonly { readonly partitions: readonly { total?: number }[] }[];
  };
}

describe.each(['as the server runs', 'by Hono alone'])('the age of counts, %s', (way) => {
  let clock: ManualClock;
  let storage: FaultyStorage;
  let service: Service;
  let server: Server;
  let fetchInProcess: (url: string, init: RequestInit) => Promise<Response>;

  beforeEach(async () => {
    clock = new ManualClock();
    const random = new SeededRandom();
    storage = new FaultyStorage(memoryBackend({ name: 'memory', clock, random }));
    const storages = [{ backend: storage, affinity: 1 }];
    // Treat a few items as many, so that callers wait only 100 ms for a count.
    const limits = { countFewItems: 0 };
    service = createService({ clock, random, limits, queueStore: storage.queueStore(), storages });
    const http = httpFixture(service, clock);
    const { app } = http;
    fetchInProcess = async (url, init) => app.fetch(new Request(url, init), {});
    server =
      way === 'by Hono alone'
        ? (createAdaptorServer({ fetch: app.fetch }) as Server)
        : createHttpServer(http);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    await service.queues.create({
      ...{ queueName: 'q', namespace: '', leaseTimeout: '1m', expireTimeout: '1h', reference: '' },
      ...{ deadQueue: '', maxAttempts: 0, requestedPartitions: 2 },
    });
  });

  afterEach(async () => {
    await service.shutdown();
    server.close();
  });

  async function produce(): Promise<void> {
    const items = [{ encoding: '', kind: '', reference: '', payload: new Uint8Array(1) }];
    await service.queue.produce({ queueName: 'q', requestTimeout: '1m', items });
  }

  function stats(): Promise<Stats> {
    const { port } = server.address() as AddressInfo;
    const body = '{"queue_name":"q"}';
    return new Promise((resolve, reject) => {
      const headers = { 'Content-Type': 'application/json', 'Content-Length': body.length };
      const call = request({ port, method: 'POST', path: '/v1/queue.stats', headers }, async (response) => {
        let text = '';
        for await (const chunk of response) text += chunk;
        const age = response.headers['querator-count-age'] as string | undefined;
        resolve({ status: response.statusCode ?? 0, age, body: JSON.parse(text) });
      });
      call.on('error', reject);
      call.end(body);
    });
  }

  const totalOf = ({ body }: Stats) =>
    body.logicalQueues?.[0]?.partitions.reduce((sum, { total = 0 }) => sum + total, 0);

  /** Sends a request, and moves the clock once the storage gets a call. */
  async function statsAfter(duration: string): Promise<Stats> {
    const before = storage.count('stats');
    const asked = stats();
    while (storage.count('stats') === before) await new Promise(setImmediate);
    await clock.advance(duration);
    return asked;
  }

  test('is 0 if all partitions were counted for the call', async () => {
    await produce();
    expect(await stats()).toMatchObject({ status: 200, age: '0' });
  });

  test('is that of the oldest count if a new one does not arrive in time', async () => {
    await produce();
    await stats();
    await clock.advance('7s');
    await produce();
    const release = storage.hold('stats', 0);
    const late = await statsAfter('100ms');
    expect(late).toMatchObject({ status: 200, age: '7.1' });
    // Partition 0 as it was, partition 1 as it is: whichever took the second item, both counts are whole.
    expect([1, 2]).toContain(totalOf(late));
    release();
    await clock.advance('10s');
    const fresh = await stats();
    expect([totalOf(fresh), fresh.age]).toEqual([2, '0']);
  });

  test('is absent if the call fails', async () => {
    storage.fail('stats', 1, 'not-applied');
    const { status, age } = await stats();
    expect(status).not.toBe(200);
    expect(age).toBeUndefined();
  });

  test('reaches the client, and the command line prints it on standard error', async () => {
    const { port } = server.address() as AddressInfo;
    const client = createClient({ endpoint: `http://127.0.0.1:${port}` });
    const ages: (string | undefined)[] = [];
    await client.queue.stats(
      { queueName: 'q' },
      { onReply: (header) => ages.push(header('Querator-Count-Age')) },
    );
    expect(ages).toEqual(['0']);

    const terminal = new Terminal(fetchInProcess);
    expect((await terminal.ok('stats q')).stderr).toBe('');
    await clock.advance('3s');
    const release = storage.hold('stats', 0);
    const before = storage.count('stats');
    const ran = terminal.ok('stats q');
    while (storage.count('stats') === before) await new Promise(setImmediate);
    await clock.advance('100ms');
    const { stderr, stdout } = await ran;
    release();
    expect(stderr).toBe('counted 3.1 s ago\n');
    expect(JSON.parse(stdout)).toMatchObject({ queue_name: 'q' });
  });
});

import { SystemClock, SystemRandom, silentLogger } from '@querator/core';
import { codecs } from '@querator/protocol';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Composition, compose } from '../../src/compose.ts';
import { parseConfig } from '../../src/index.ts';

const CONFIG = JSON.stringify({
  'queue-storage': { driver: 'memory' },
  'partition-storage': [{ name: 'mem', driver: 'memory' }],
});

let server: Composition;

/** Calls the application without a connection. */
function ask(path: string, message: object, signal?: AbortSignal): Promise<Response> {
  const request = new Request(`http://in.process${path}`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(message),
    signal: signal ?? null,
  });
  return Promise.resolve(server.app.fetch(request, {}));
}

beforeEach(async () => {
  server = compose(await parseConfig(CONFIG), {
    clock: new SystemClock(),
    random: new SystemRandom(),
    logger: silentLogger,
  });
  await ask('/v1/queues.create', {
    ...{ queueName: 'q', leaseTimeout: '1m', expireTimeout: '1h', requestedPartitions: 1 },
  });
});

afterEach(() => server.stop());

test('a caller in the same process that aborts gets no items', async () => {
  await ask('/v1/queue.produce', { queueName: 'q', requestTimeout: '5s', items: [{ utf8: 'a' }] });
  const leaving = new AbortController();
  const lease = { queueName: 'q', batchSize: 1, requestTimeout: '5s' };
  const gone = ask('/v1/queue.lease', { ...lease, clientId: 'gone' }, leaving.signal);
  leaving.abort();
  await gone.catch(() => undefined);
  const reply = await ask('/v1/queue.lease', { ...lease, clientId: 'there' });
  const { items } = codecs.QueueLeaseResponse.fromJson(await reply.text());
  expect(items.map(({ attempts }) => attempts)).toEqual([1]);
});

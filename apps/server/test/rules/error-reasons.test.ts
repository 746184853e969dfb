import { addDuration, ERROR_REASONS, type ErrorReason, milliseconds } from '@querator/core';
import type { EngineLimits } from '@querator/engine';
import { afterEach, describe, expect, test } from 'vitest';
import { ENCODINGS, type Encoding, HttpFront } from './support/http.ts';
import { DRIVERS, type Driver, fresh, queueCall, useFixtures, watch } from './support/service-fixture.ts';

const newFixture = useFixtures();
let front: HttpFront | undefined;
afterEach(async () => {
  await front?.close();
  front = undefined;
});

/** A server with one queue, and calls on it. */
async function start(driver: Driver, encoding: Encoding, limits: Partial<EngineLimits> = {}) {
  const fixture = newFixture({ main: driver }, { limits, hasNamespace: async () => false });
  const q = fresh();
  await fixture.create(q);
  const opened = await HttpFront.open(fixture);
  front = opened;
  const send = (path: string, fields: object = {}) =>
    opened.send(path, { queue_name: q, ...fields }, encoding);
  const complete = (id: string, partition = 0) =>
    send('/v1/queue.complete', { partition, request_timeout: '5s', ids: [id] });
  const produce = () => send('/v1/queue.produce', { request_timeout: '5s', items: [{ utf8: 'x' }] });
  return { fixture, opened, q, send, complete, produce };
}

type Server = Awaited<ReturnType<typeof start>>;
const WELL_FORMED = '0'.repeat(27);
const STORAGE_FAILED = 'internal error, try your request again';
const SETTINGS = { lease_timeout: '1m', expire_timeout: '1h', requested_partitions: 1 };

/** What v1 clients see of a failure, and how to provoke it. */
interface Case {
  readonly reason: ErrorReason;
  readonly status: number;
  readonly message: string;
  readonly limits?: Partial<EngineLimits>;
  readonly provoke: (server: Server, encoding: Encoding) => ReturnType<Server['send']>;
}

const CASES: readonly Case[] = [
  {
    reason: 'lease_lost',
    status: 400,
    message: 'does not exist',
    provoke: ({ complete }) => complete(WELL_FORMED),
  },
  {
    reason: 'not_leased',
    status: 400,
    message: 'is not marked as leased',
    async provoke({ fixture, q, complete }) {
      await fixture.produce(q, 'waits');
      const [waiting] = await fixture.items(q);
      return complete(waiting?.id ?? '');
    },
  },
  {
    reason: 'not_leased',
    status: 400,
    message: 'does not exist',
    async provoke({ fixture, q, complete }) {
      await fixture.produce(q, 'later');
      const { items } = await fixture.lease(q);
      const [id] = items.map((item) => item.id) as [string];
      await fixture.service.queue.retry({
        queueName: q,
        partition: 0,
        items: [{ id, dead: false, retryAt: addDuration(fixture.clock.now(), milliseconds(60_000)) }],
      });
      return complete(id);
    },
  },
  {
    reason: 'no_such_item',
    status: 400,
    message: 'Valid encoded KSUIDs',
    provoke: ({ complete }) => complete('x'),
  },
  {
    reason: 'no_such_partition',
    status: 400,
    message: 'is not a valid partition',
    provoke: ({ complete }) => complete(WELL_FORMED, 7),
  },
  {
    reason: 'no_such_queue',
    status: 400,
    message: 'no such queue',
    provoke: ({ send }) => send('/v1/queues.info', { queue_name: 'none' }),
  },
  {
    reason: 'no_such_queue',
    status: 400,
    message: 'dead_queue does not exist',
    provoke: ({ q, send }) =>
      send('/v1/queues.create', { ...SETTINGS, queue_name: `${q}-source`, dead_queue: 'none' }),
  },
  {
    reason: 'queue_exists',
    status: 400,
    message: 'already exists',
    provoke: ({ send }) => send('/v1/queues.create', SETTINGS),
  },
  {
    reason: 'queue_exists',
    status: 400,
    message: 'already exists',
    async provoke({ fixture, q, opened }, encoding) {
      // Another process has created it: this one does not serve it yet.
      const name = `${q}-other`;
      await fixture.instance().queues.create(queueCall(name));
      return opened.send('/v1/queues.create', { queue_name: name, ...SETTINGS }, encoding);
    },
  },
  {
    reason: 'queue_paused',
    status: 454,
    message: 'queue is paused; try again later',
    async provoke({ send, produce }) {
      await send('/v2/queues.pause', { produce: true });
      return produce();
    },
  },
  {
    reason: 'not_empty',
    status: 400,
    message: 'holds 1 item',
    async provoke({ fixture, q, send }) {
      await fixture.produce(q, 'kept');
      return send('/v2/queues.delete');
    },
  },
  {
    reason: 'changed',
    status: 400,
    message: 'queue has changed',
    provoke: ({ send }) => send('/v2/queues.update', { if_updated_at: '2020-01-01T00:00:00Z' }),
  },
  {
    reason: 'too_large',
    status: 400,
    message: 'request body exceeds 250.0KiB limit',
    provoke: ({ opened }, encoding) => opened.post('/v1/queues.info', ' '.repeat(256_001), encoding),
  },
  {
    reason: 'too_large',
    status: 400,
    message: 'max_complete_batch_size is 1000 but received 1001',
    provoke: ({ send }) =>
      send('/v1/queue.complete', {
        request_timeout: '5s',
        ids: Array.from({ length: 1_001 }, (_, n) => `${n}`),
      }),
  },
  {
    reason: 'no_such_record',
    status: 453,
    message: "namespace does not exist; 'nowhere' was not found",
    provoke: ({ send }) =>
      send('/v1/queues.create', { queue_name: fresh(), namespace: 'nowhere', ...SETTINGS }),
  },
  {
    reason: 'over_limit',
    status: 454,
    message: 'queue is overloaded; try again later',
    limits: { requestsBuffered: 0 },
    provoke: ({ complete }) => complete(WELL_FORMED),
  },
  {
    reason: 'unavailable',
    status: 454,
    message: STORAGE_FAILED,
    provoke({ fixture, complete }) {
      fixture.storage().fail('complete', 0, 'not-applied');
      return complete(WELL_FORMED);
    },
  },
  {
    reason: 'unavailable',
    status: 454,
    message: STORAGE_FAILED,
    provoke({ fixture, send }) {
      fixture.storage().cutQueues();
      return send('/v1/queues.info');
    },
  },
  {
    reason: 'unavailable',
    status: 453,
    message: 'service is shutting down',
    async provoke({ fixture, produce }) {
      await fixture.service.shutdown();
      return produce();
    },
  },
  {
    reason: 'outcome_unknown',
    status: 454,
    message: 'request outcome unknown; items may have been produced',
    async provoke({ fixture, produce }) {
      const release = fixture.storage().hold('produce', 0);
      const produced = watch(produce());
      while (fixture.storage().count('produce') === 0) await fixture.settle();
      await fixture.advance('5s');
      while (produced.state === 'pending') await fixture.settle();
      release();
      return produced.value as Awaited<ReturnType<Server['send']>>;
    },
  },
  {
    reason: 'outcome_unknown',
    status: 454,
    message: STORAGE_FAILED,
    provoke({ fixture, complete }) {
      fixture.storage().fail('complete', 0, 'unknown-lost');
      return complete(WELL_FORMED);
    },
  },
];

test('every reason has a case', () => {
  expect(new Set(CASES.map(({ reason }) => reason))).toEqual(new Set(ERROR_REASONS));
});

describe.each(DRIVERS)('on %s', (driver) => {
  describe.each(ENCODINGS)('in %s', (encoding) => {
    test.each(CASES)('$reason: $status $message', async ({ reason, status, message, provoke, limits }) => {
      const server = await start(driver, encoding, limits);
      const reply = await provoke(server, encoding);
      expect(reply).toMatchObject({
        status,
        body: { code: status, message: expect.stringContaining(message) },
      });
      expect(reply.body['details']).toEqual(new Map([['code', reason]]));
    });

    test('a success has no details', async () => {
      const { produce } = await start(driver, encoding);
      const { status, body } = await produce();
      expect([status, body['details']]).toEqual([200, new Map()]);
    });
  });
});

import { type AnyEndpoint, queueEndpoints, queuesEndpoints, storageEndpoints } from '@querator/protocol';
import { beforeAll, describe, expect, test } from 'vitest';
import { readReply, useServer } from '../support/test-server.ts';

const server = useServer('memory');
const LONG = 5_000;

/** Values that break one rule each, and that the text of the rule repeats. */
const HOSTILE = ['x', '~', ' y', ':', '9', '\u00e9', '\ud83d\ude00', '1h', '"'].map((part) =>
  part.repeat(LONG / part.length),
);

/** A request without a fault, so that the checks come as far as the hostile field. */
const GOOD: Readonly<Record<string, unknown>> = {
  queueName: 'echoes',
  requestTimeout: '10ms',
  clientId: 'one',
  batchSize: 1,
  ids: ['0'.repeat(27)],
  leaseTimeout: '1m',
  expireTimeout: '1h',
  requestedPartitions: 1,
};

const endpoints: readonly AnyEndpoint[] = [
  ...Object.values(queueEndpoints),
  ...Object.values(queuesEndpoints),
  ...Object.values(storageEndpoints),
] as unknown as readonly AnyEndpoint[];

/** The text of a reply, and whether it repeats more than 100 characters of a value. */
function isCut(message: string, value: string): boolean {
  const characters = [...value];
  return !message.includes(characters.slice(0, 101).join('')) && message.length < 1_000;
}

beforeAll(() => server.createQueue('echoes'));

describe.each(endpoints.map((endpoint) => ({ path: endpoint.path, endpoint })))(
  '$path',
  ({ path, endpoint }) => {
    const empty = endpoint.request.create() as Record<string, unknown>;
    const known = Object.fromEntries(
      Object.keys(empty).flatMap((key) => (key in GOOD ? [[key, GOOD[key]]] : [])),
    );
    const fields = Object.keys(empty).filter((key) => typeof empty[key] === 'string' || key === 'ids');

    test.each(fields)('repeats at most 100 characters of %s', async (field) => {
      for (const value of HOSTILE) {
        const message = { ...known, [field]: field === 'ids' ? [value, value] : value };
        const body = endpoint.request.encode(endpoint.request.create(message as never));
        const reply = await server.post(path, body, { 'Content-Type': 'application/protobuf' });
        if (reply.status === 200) continue;
        expect(reply.status).toBeLessThan(500);
        expect(isCut(reply.json.message, value), reply.json.message).toBe(true);
      }
    });
  },
);

test('a text of up to 100 characters comes back whole', async () => {
  const name = '\ud83d\ude00'.repeat(100);
  const { json } = await server.post('/v1/queue.stats', { queue_name: name });
  expect(json.message).toBe(`queue does not exist; no such queue named '${name}'`);
});

test.each(['"', 'x', '9', '\u00e9'])('a faulty JSON token of many %s is cut', async (part) => {
  const token = part.repeat(LONG);
  for (const body of [
    `{${token}}`,
    `{"${token}":1}`,
    `{"queue_name":${token}}`,
    `{"queue_name":1,${token}`,
  ]) {
    const { status, json } = await server.post('/v1/queue.stats', body);
    expect(status).toBe(455);
    expect(isCut(json.message, token), json.message).toBe(true);
  }
});

test('a path, a method, a header and a query parameter are cut', async () => {
  const long = 'x'.repeat(LONG);
  const replies = [
    await server.post(`/${long}`, {}),
    await server.post('/v1/queue.stats', {}, { 'Content-Type': long }),
    await server.post('/v1/queue.stats', {}, { Accept: long }),
    await readReply(await fetch(`${server.url}/health?requireStorage=${long}`)),
    await readReply(await fetch(`${server.url}/health?requireStorage=quorum&quorum=${long}`)),
  ];
  for (const { status, text } of replies) {
    expect(status).toBeGreaterThanOrEqual(400);
    expect(isCut(text, long), text).toBe(true);
  }
});

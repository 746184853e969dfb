import { beforeAll, describe, expect, test } from 'vitest';
import { readReply, useServer } from '../support/test-server.ts';
import { FUZZ_QUEUES, FUZZ_SEEDS } from './support/fuzz-seeds.ts';

const server = useServer('memory');
const LONG = 5_000;

/** Values that break one rule each, and that the text of the rule repeats. */
const HOSTILE = ['x', '~', ' y', ':', '9', '\u00e9', '\ud83d\ude00', '1h', '"'].map((part) =>
  part.repeat(LONG / part.length),
);

/** Where a text stands in a message. */
type Place = readonly (string | number)[];

/** The places of the texts in a message, and of the names in a map. */
function* placesOf(message: unknown, place: Place = []): Generator<Place> {
  if (typeof message === 'string') yield place;
  else if (typeof message === 'object' && message !== null && !(message instanceof Uint8Array)) {
    for (const [name, value] of Object.entries(message)) {
      yield* placesOf(value, [...place, Array.isArray(message) ? Number(name) : name]);
    }
  }
}

/** A copy of a message with another text at a place. */
function withText(message: unknown, [name, ...rest]: Place, text: string): unknown {
  if (name === undefined) return text;
  if (Array.isArray(message))
    return message.map((each, n) => (n === name ? withText(each, rest, text) : each));
  const fields = message as Readonly<Record<string, unknown>>;
  return { ...fields, [name]: withText(fields[name], rest, text) };
}

/** Each request of the corpus, with each of its texts, and each text of the call that the request leaves out. */
const cases = FUZZ_SEEDS.map(({ endpoint, messages }) => {
  const empty = endpoint.request.create() as Record<string, unknown>;
  const texts = Object.fromEntries(Object.entries(empty).filter(([, value]) => typeof value === 'string'));
  const whole = messages.map((message) => ({ ...texts, ...message }));
  const places = whole.flatMap((message) => [...placesOf(message)].map((place) => ({ message, place })));
  return { path: endpoint.path, endpoint, places };
});

/** The text of a reply, and whether it repeats more than 100 characters of a value. */
function isCut(message: string, value: string): boolean {
  const characters = [...value];
  return !message.includes(characters.slice(0, 101).join('')) && message.length < 1_000;
}

beforeAll(async () => {
  const [queue, dead] = FUZZ_QUEUES;
  await server.createQueue(queue, { requested_partitions: 2 });
  await server.createQueue(dead);
});

describe.each(cases.filter(({ places }) => places.length > 0))('$path', ({ path, endpoint, places }) => {
  test.each(places.map((each) => ({ ...each, name: each.place.join('.') })))(
    'repeats at most 100 characters of $name',
    async ({ message, place }) => {
      for (const value of HOSTILE) {
        const hostile = endpoint.request.create(withText(message, place, value) as never);
        const body = endpoint.request.encode(hostile);
        const reply = await server.post(path, body, { 'Content-Type': 'application/protobuf' });
        if (reply.status === 200) continue;
        expect(reply.status).toBeLessThan(500);
        expect(isCut(reply.json.message, value), reply.json.message).toBe(true);
      }
    },
  );
});

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

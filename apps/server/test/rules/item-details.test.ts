import type { Timestamp } from '@querator/protocol';
import { afterEach, describe, expect, test } from 'vitest';
import { ENCODINGS, type Encoding, HttpFront } from './support/http.ts';
import { DRIVERS, type Driver, fresh, PAIRINGS, useFixtures } from './support/service-fixture.ts';

const newFixture = useFixtures();
let front: HttpFront | undefined;
afterEach(async () => {
  await front?.close();
  front = undefined;
});

/** A leased item as a reply under `/v2/` has it. */
interface Leased {
  readonly id: string;
  readonly attempts: number;
  readonly createdAt: Timestamp;
  readonly firstId: string;
  readonly metadata: ReadonlyMap<string, string>;
  readonly source: Readonly<Record<string, unknown>> | undefined;
}

const METADATA = {
  traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
  first_id: 'mine',
  source: '{"queue":"forged"}',
  ключ: 'знач"ение\\',
};

/** A queue with a dead-letter queue, each on a storage of its own, and calls in one encoding. */
async function start(
  encoding: Encoding,
  queueDriver: Driver,
  deadDriver: Driver = queueDriver,
  expireTimeout = '2h',
) {
  const fixture = newFixture({ left: queueDriver, right: deadDriver });
  const [dead, q] = [fresh('letters'), fresh()];
  await fixture.create(dead, {}, ['right']);
  await fixture.create(q, { deadQueue: dead, maxAttempts: 3, leaseTimeout: '10s', expireTimeout }, ['left']);
  const opened = await HttpFront.open(fixture);
  front = opened;
  const send = (path: string, fields: object, queue_name = q) =>
    opened.send(path, { queue_name, ...fields }, encoding);
  const produce = async (...items: readonly object[]) =>
    send('/v2/queue.produce', { request_timeout: '5s', items });
  const ids = async (...items: readonly object[]) =>
    ((await produce(...items)).body['items'] as { id: string }[]).map(({ id }) => id);
  let clients = 0;
  const lease = async (queue_name = q, version = 2) => {
    const call = { client_id: `c${clients++}`, batch_size: 100, request_timeout: '10ms' };
    const reply = send(`/v${version}/queue.lease`, call, queue_name);
    await fixture.settle();
    await fixture.advance('10ms');
    return ((await reply).body['items'] ?? []) as Leased[];
  };
  const retry = (...items: readonly object[]) => send('/v2/queue.retry', { partition: 0, items });
  return { fixture, q, dead, send, produce, ids, lease, retry };
}

const micros = (at: Timestamp) => BigInt(at.seconds) * 1_000_000n + BigInt(at.nanos / 1_000);

describe.each(DRIVERS)('items on %s', { timeout: 60_000 }, (driver) => {
  describe.each(ENCODINGS)('in %s', (encoding) => {
    test('keep their metadata and first id through a retry, a schedule and the end of a lease', async () => {
      const { fixture, ids, lease, retry } = await start(encoding, driver);
      const entered = fixture.clock.now();
      const [firstId] = await ids({ utf8: 'a', metadata: METADATA });
      const seen = new Set<string>();
      const returns: ((id: string) => Promise<unknown>)[] = [
        (id) => retry({ id }),
        async (id) => {
          await retry({ id, retry_at: '2026-01-01T00:01:00Z' });
          await fixture.advance('1m');
        },
      ];
      for (const giveBack of returns) {
        const [item] = await lease();
        expect(item).toMatchObject({
          firstId,
          metadata: new Map(Object.entries(METADATA)),
          source: undefined,
        });
        expect(item && micros(item.createdAt)).toBe(entered);
        seen.add(item?.id ?? '');
        await giveBack(item?.id ?? '');
      }
      const [last] = await lease();
      seen.add(last?.id ?? '');
      expect(last).toMatchObject({ firstId, metadata: new Map(Object.entries(METADATA)), attempts: 3 });
      expect(seen.size).toBe(3);
      expect(seen.has(firstId ?? '')).toBe(true);
    });

    test('without metadata have their id as the first one, and come back with it', async () => {
      const { fixture, ids, lease } = await start(encoding, driver);
      const produced = await ids({ utf8: 'a' }, { utf8: 'b', kind: 'k' });
      const leased = await lease();
      expect(leased.map(({ id, firstId, metadata }) => [id, firstId, metadata.size])).toEqual(
        produced.map((id) => [id, id, 0]),
      );
      await fixture.advance('11s');
      const again = await lease();
      expect(again.map(({ firstId }) => firstId)).toEqual(produced);
      expect(again.map(({ id }) => id)).not.toEqual(produced);
    });

    test('are shown by /v1/ as ever', async () => {
      const { q, produce, lease, fixture } = await start(encoding, driver);
      await produce({ utf8: 'a', metadata: METADATA });
      const [item] = await lease(q, 1);
      expect(Object.keys(item ?? {}).sort()).toEqual([
        ...['attempts', 'bytes', 'encoding', 'id', 'kind', 'leaseDeadline', 'reference'],
      ]);
      const [listed] = await fixture.items(q);
      expect(listed?.details).toBeUndefined();
    });

    test('with too long or empty keys, or too many pairs, are refused, and none of the request is stored', async () => {
      const { q, produce, fixture, retry, lease } = await start(encoding, driver);
      const longKey = 'k'.repeat(129);
      const bad: readonly (readonly [object, string])[] = [
        [{ '': 'x' }, 'metadata is invalid; a key cannot be empty'],
        [
          { [longKey]: 'x' },
          `metadata is invalid; key '${'k'.repeat(99)}…' cannot be greater than '128' characters`,
        ],
        [
          { [`${'ü'.repeat(64)}x`]: '' },
          `metadata is invalid; key '${'ü'.repeat(64)}x' cannot be greater than '128' characters`,
        ],
        [
          { a: 'x'.repeat(4_000), b: 'y'.repeat(95) },
          "metadata is invalid; keys and values together cannot be greater than '4096' characters",
        ],
        [{ a: 'x\0' }, 'metadata is invalid; cannot contain the character U+0000'],
        [{ 'a\0': 'x' }, 'metadata is invalid; cannot contain the character U+0000'],
      ];
      for (const [metadata, message] of bad) {
        const reply = await produce({ utf8: 'fine' }, { utf8: 'bad', metadata });
        expect(reply).toMatchObject({ status: 400, body: { message } });
      }
      expect(await fixture.items(q)).toEqual([]);
      const most = { ['k'.repeat(128)]: 'v'.repeat(4_096 - 128) };
      expect((await produce({ utf8: 'a', metadata: most })).status).toBe(200);
      const [item] = await lease();
      expect(item?.metadata).toEqual(new Map(Object.entries(most)));
      const tooLong = "error is invalid; cannot be greater than '2048' characters";
      for (const [error, message] of [
        ['e'.repeat(2_049), tooLong],
        ['€'.repeat(683), tooLong],
        ['\0', 'error is invalid; cannot contain the character U+0000'],
      ]) {
        expect(await retry({ id: item?.id, error })).toMatchObject({ status: 400, body: { message } });
      }
      expect((await retry({ id: item?.id, error: 'e'.repeat(2_048) })).body).toMatchObject({
        items: [{ code: '' }],
      });
    });
  });
});

describe.each(PAIRINGS)(
  'a queue on %s, its dead-letter queue on %s',
  { timeout: 60_000 },
  (queue, letters) => {
    test.each(ENCODINGS)(
      'a dead letter tells where it came from, and why it died, in %s',
      async (encoding) => {
        const { fixture, q, dead, ids, lease, retry } = await start(encoding, queue, letters);
        const entered = fixture.clock.now();
        const [rejected, outOfAttempts] = await ids(
          { utf8: 'rejected', metadata: METADATA },
          { utf8: 'attempts' },
        );
        for (let attempt = 1; attempt < 3; attempt++) {
          const items = await lease();
          await retry(...items.map(({ id }) => ({ id, error: `failed ${attempt}` })));
        }
        const last = await lease();
        const died = fixture.clock.now();
        await retry({ id: last[0]?.id, dead: true, error: 'no such user' });
        await fixture.advance('10.1s');
        await fixture.settle();
        const found = await lease(dead);
        const [first, second] = found;
        expect(found.map(({ attempts }) => attempts)).toEqual([1, 1]);
        expect(first).toMatchObject({ firstId: rejected, metadata: new Map(Object.entries(METADATA)) });
        expect(first?.source).toMatchObject({
          ...{ queue: q, partition: 0, id: last[0]?.id, firstId: rejected, attempts: 3 },
          ...{ reason: 'rejected', error: 'no such user' },
        });
        expect(micros(first?.source?.['producedAt'] as Timestamp)).toBe(entered);
        expect(micros(first?.source?.['diedAt'] as Timestamp)).toBe(died);
        expect(second).toMatchObject({ firstId: outOfAttempts, metadata: new Map() });
        expect(second?.source).toMatchObject({
          ...{
            queue: q,
            id: last[1]?.id,
            firstId: outOfAttempts,
            attempts: 3,
            reason: 'attempts',
            error: 'failed 2',
          },
        });
      },
    );

    test('an item that expires says so, though its move has to wait', async () => {
      const { fixture, q, dead, ids, lease } = await start('json', queue, letters, '1m');
      const [first] = await ids({ utf8: 'a', metadata: METADATA });
      fixture.storage('right').fail('prepareLetters', 0, 'not-applied');
      await fixture.advance('61s');
      const died = fixture.clock.now() - 1_000_000n;
      expect(await fixture.items(q)).toHaveLength(1);
      await fixture.advance('2m');
      fixture.storage('right').heal(0);
      await fixture.advance('10m');
      const [letter] = await lease(dead);
      expect(letter).toMatchObject({ firstId: first, metadata: new Map(Object.entries(METADATA)) });
      expect(letter?.source).toMatchObject({ reason: 'expired', attempts: 0, error: '' });
      const diedAt = micros(letter?.source?.['diedAt'] as Timestamp);
      expect(Number(diedAt - died)).toBeLessThan(1_000_000);
      expect(Number(diedAt - died)).toBeGreaterThanOrEqual(0);
    });
  },
);

import { endpointsV2 } from '@querator/protocol';
import { describe, expect, test } from 'vitest';
import { callEndpoint, type Format } from '../support/call-endpoint.ts';
import { STORAGES, useServer } from '../support/test-server.ts';

const UNKNOWN_ID = '0'.repeat(27);
let count = 0;
const fresh = () => `extended-${++count}`;

describe.each(STORAGES)('/v2/queue.extend on %s', { timeout: 60_000 }, (storage) => {
  const server = useServer(storage);

  const extend = (format: Format, message: object) =>
    callEndpoint(server.url, endpointsV2.queue.extend, {
      format,
      message: { request_timeout: '5s', ...message },
    });

  async function leased(queue_name: string, batch_size: number): Promise<string[]> {
    const request = { queue_name, client_id: 'c', batch_size, request_timeout: '5s' };
    const { json } = await server.post('/v1/queue.lease', request);
    return json.items.map(({ id }: { id: string }) => id);
  }

  async function queueWith(items: readonly string[]): Promise<string> {
    const queue_name = fresh();
    await server.createQueue(queue_name);
    const produced = items.map((utf8) => ({ utf8 }));
    await server.post('/v1/queue.produce', { queue_name, request_timeout: '5s', items: produced });
    return queue_name;
  }

  async function deadlineOf(queue_name: string, id: string): Promise<string> {
    const { json } = await server.post('/v1/storage/items.list', { queue_name });
    return json.items.find((item: { id: string }) => item.id === id).lease_deadline;
  }

  describe.each(['json', 'protobuf'] as const)('in %s', (format) => {
    test('gives leased items a new deadline, and answers each id', async () => {
      const queue_name = await queueWith(['a', 'b', 'c']);
      const [a, b] = (await leased(queue_name, 2)) as [string, string];
      const { json } = await server.post('/v1/storage/items.list', { queue_name });
      const waiting = json.items[2].id;
      const before = await deadlineOf(queue_name, a);
      const ids = [a, UNKNOWN_ID, 'short', waiting, b];
      const reply = await extend(format, { queue_name, lease_timeout: '10m', ids });
      const lease_deadline = await deadlineOf(queue_name, a);
      expect(reply).toEqual({
        items: [
          { id: a, lease_deadline },
          {
            id: UNKNOWN_ID,
            code: 'lease_lost',
            message: `invalid storage id; '${UNKNOWN_ID}' does not exist`,
          },
          {
            id: 'short',
            code: 'no_such_item',
            message: "invalid storage id; 'short': Valid encoded KSUIDs are 27 characters",
          },
          {
            id: waiting,
            code: 'not_leased',
            message: `item(s) cannot be extended; '${waiting}' is not marked as leased`,
          },
          { id: b, lease_deadline },
        ],
      });
      const later = Date.parse(lease_deadline) - Date.parse(before);
      expect(later).toBeGreaterThanOrEqual(9 * 60_000);
      expect(await deadlineOf(queue_name, b)).toBe(lease_deadline);
    });

    test('extends a lease for as long as the consumer allows', async () => {
      const queue_name = await queueWith(['a', 'b']);
      const [a, b] = (await leased(queue_name, 2)) as [string, string];
      const bounded = (ids: readonly string[], max_hold: string) =>
        extend(format, { queue_name, lease_timeout: '10m', ids, max_hold });
      const lease_deadline = expect.any(String);
      expect(await bounded([a], '1us')).toEqual({ items: [{ id: a, lease_deadline }] });
      const before = await deadlineOf(queue_name, a);
      expect(await bounded([b, a], '1us')).toEqual({
        items: [
          { id: b, lease_deadline },
          {
            id: a,
            code: 'over_limit',
            message: `lease cannot be extended; '${a}' has been held for more than '1µs'`,
          },
        ],
      });
      expect(await deadlineOf(queue_name, a)).toBe(before);
      expect(await bounded([a], '1h')).toEqual({ items: [{ id: a, lease_deadline }] });
    });

    test('answers a scheduled item and a completed one with their codes', async () => {
      const queue_name = await queueWith(['later', 'done']);
      const [later, done] = (await leased(queue_name, 2)) as [string, string];
      const retry_at = new Date(Date.now() + 3_600_000).toISOString();
      await server.post('/v1/queue.retry', { queue_name, items: [{ id: later, retry_at }] });
      await server.post('/v1/queue.complete', { queue_name, request_timeout: '5s', ids: [done] });
      const reply = await extend(format, { queue_name, lease_timeout: '1m', ids: [later, done] });
      expect(reply).toMatchObject({
        items: [
          { id: later, code: 'not_leased' },
          { id: done, code: 'lease_lost' },
        ],
      });
    });

    test('refuses a request as a whole that is not well formed', async () => {
      const queue_name = await queueWith([]);
      expect(await extend(format, { queue_name, lease_timeout: '1m', ids: ['a', 'a'] })).toEqual({
        code: 400,
        code_text: 'Bad Request',
        message: "invalid storage id; 'a' is listed more than once",
      });
      expect(await extend(format, { queue_name, lease_timeout: '25h', ids: ['a'] })).toMatchObject({
        code: 400,
        message: 'lease timeout is too long; 25h0m0s cannot be greater than the expire timeout 24h0m0s',
      });
      const ids = Array.from({ length: 1_001 }, (_, n) => `${n}`);
      expect(await extend(format, { queue_name, lease_timeout: '1m', ids })).toMatchObject({
        code: 400,
        message: 'ids is invalid; max_complete_batch_size is 1000 but received 1001',
      });
    });
  });

  test('ends a lease at the deadline of the last extend', async () => {
    const queue_name = await queueWith(['a']);
    const [id] = (await leased(queue_name, 1)) as [string];
    await extend('json', { queue_name, lease_timeout: '50ms', ids: [id] });
    const [again] = (await leased(queue_name, 1)) as [string];
    expect(again > id).toBe(true);
    expect(await extend('json', { queue_name, lease_timeout: '1m', ids: [id, again] })).toMatchObject({
      items: [{ id, code: 'lease_lost' }, { id: again }],
    });
  });
});

import { endpointsV2 } from '@querator/protocol';
import { describe, expect, test, vi } from 'vitest';
import { callEndpoint, type Format } from '../support/call-endpoint.ts';
import { STORAGES, useServer } from '../support/test-server.ts';

let count = 0;
const fresh = () => `searched-${++count}`;

describe.each(STORAGES)('/v2/items.find and summarize on %s', { timeout: 60_000 }, (storage) => {
  const server = useServer(storage);

  const call = (format: Format, verb: 'find' | 'summarize', message: object) =>
    callEndpoint(server.url, endpointsV2.items[verb], { format, message });

  describe.each(['json', 'protobuf'] as const)('in %s', (format) => {
    test('items are found by their texts, times and states, with the details of dead letters', async () => {
      const [queue_name, dead] = [fresh(), fresh()];
      await server.createQueue(dead);
      await server.createQueue(queue_name, { dead_queue: dead });
      const items = [
        { utf8: 'pay 100%', kind: 'invoice', reference: 'r1', metadata: { tenant: 'blue' } },
        { bytes: Buffer.from([0, 0xff]).toString('base64'), kind: 'letter' },
        { utf8: 'later', enqueue_at: '2100-01-01T00:00:00Z' },
      ];
      const produced = await server.post('/v2/queue.produce', { queue_name, request_timeout: '5s', items });
      const [first, second, later] = produced.json.items.map(({ id }: { id: string }) => id);
      const find = async (filter: object, rest: object = {}) => {
        const { items: found = [] } = await call(format, 'find', { queue_name, filter, ...rest });
        return found.map(({ id }: { id: string }) => id);
      };
      expect(await find({})).toEqual([first, second, later]);
      expect(await find({ state: 'scheduled' })).toEqual([later]);
      expect(await find({ metadata: { tenant: 'blue' }, kind: 'invoice' })).toEqual([first]);
      expect(await find({ payload: Buffer.from([0xff]).toString('base64') })).toEqual([second]);
      expect(await find({ payload: Buffer.from('0%').toString('base64') })).toEqual([first]);
      expect(await find({ ids: [second, later] })).toEqual([second, later]);
      expect(await find({ due: { from: '2099-12-31T00:00:00Z' } })).toEqual([later]);
      expect(await find({ created: { to: '2020-01-01T00:00:00Z' } })).toEqual([]);
      const {
        items: page,
        cursor,
        scanned,
      } = await call(format, 'find', { queue_name, limit: 1, with_payload: true });
      expect(page).toEqual([
        {
          ...{ id: first, first_id: first, state: 'waiting', kind: 'invoice', reference: 'r1' },
          ...{ created_at: expect.any(String), expire_deadline: expect.any(String) },
          ...{ metadata: { tenant: 'blue' }, payload_size: 8 },
          payload: Buffer.from('pay 100%').toString('base64'),
        },
      ]);
      expect(scanned).toBe(1);
      expect(await find({}, { cursor })).toEqual([second, later]);

      const lease = { queue_name, client_id: 'c', batch_size: 1, request_timeout: '5s' };
      await server.post('/v1/queue.lease', lease);
      const failed = { id: first, dead: true, error: "no such 'user'" };
      await server.post('/v2/queue.retry', { queue_name, items: [failed] });
      const filter = { error: "'user'", reason: 'rejected' };
      await vi.waitFor(async () => {
        const letters = await call(format, 'find', { queue_name: dead, filter });
        expect(letters.items).toMatchObject([
          {
            ...{ first_id: first, source_id: first, metadata: { tenant: 'blue' } },
            source: {
              queue: queue_name,
              id: first,
              attempts: 1,
              reason: 'rejected',
              error: "no such 'user'",
            },
          },
        ]);
      }, 10_000);
      expect(await call(format, 'summarize', { queue_name: dead, by: 'error' })).toEqual({
        groups: [{ value: "no such 'user'", count: 1 }],
        scanned: 1,
      });
    });

    test('a filter, a limit or a cursor that is wrong is refused by name', async () => {
      const queue_name = fresh();
      await server.createQueue(queue_name);
      const refused = (message: string) => ({ code: 400, message });
      const find = (request: object) => call(format, 'find', { queue_name, ...request });
      expect(await find({ filter: { state: 'gone' } })).toMatchObject(
        refused(
          "filter.state is invalid; 'gone' is none of 'waiting', 'leased', 'scheduled', 'dead', 'moving'",
        ),
      );
      expect(await find({ filter: { kind: 'a\0' } })).toMatchObject(
        refused('filter.kind is invalid; cannot contain the character U+0000'),
      );
      expect(await find({ limit: 1_001 })).toMatchObject(
        refused('limit is invalid; cannot be greater than 1000'),
      );
      expect(await find({ cursor: 'x' })).toMatchObject(
        refused('cursor is invalid; expected the cursor of a reply'),
      );
      expect(await call(format, 'summarize', { queue_name })).toMatchObject(
        refused(
          "by is invalid; '' is none of 'reason', 'error', 'kind', 'state', 'source_queue', 'metadata.<key>'",
        ),
      );
      expect(await find({ queue_name: 'missing' })).toMatchObject({
        code: 400,
        details: { code: 'no_such_queue' },
      });
    });
  });
});

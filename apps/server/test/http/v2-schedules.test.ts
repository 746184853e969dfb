import { endpointsV2 } from '@querator/protocol';
import pg from 'pg';
import { describe, expect, test, vi } from 'vitest';
import { callEndpoint, type Format } from '../support/call-endpoint.ts';
import { STORAGES, type TestServer, useServer } from '../support/test-server.ts';

let count = 0;
const fresh = () => `scheduled-${++count}`;
const base64 = (text: string) => Buffer.from(text).toString('base64');
const IN_THE_FUTURE = expect.stringMatching(/^20\d\d-01-0[12]T/);
const A_TIME = expect.stringMatching(/^\d{4}-\d\d-\d\dT/);

type Call = [format: Format, verb: keyof typeof endpointsV2.schedules, request: object];

const callOf = (server: TestServer, ...[format, verb, message]: Call) =>
  callEndpoint(server.url, endpointsV2.schedules[verb], { format, message });

describe.each(STORAGES)('/v2/schedules on %s', { timeout: 60_000 }, (storage) => {
  const server = useServer(storage);
  const call = (...args: Call) => callOf(server, ...args);

  describe.each(['json', 'protobuf'] as const)('in %s', (format) => {
    test('a schedule is created, listed, changed, paused, resumed and deleted', async () => {
      const [name, queue_name] = [fresh(), fresh()];
      await server.createQueue(queue_name);
      const settings = {
        ...{ name, queue_name, cron: '30 2 1 JAN *', time_zone: 'Europe/Berlin', missed: 'all' },
        until: '2090-01-01T00:00:00Z',
      };
      const item = { encoding: 'e', kind: 'k', reference: 'r', metadata: { trace: 'ü' } };
      const created = await call(format, 'create', { ...settings, item: { ...item, utf8: 'hello' } });
      expect(created).toEqual({
        ...{ id: expect.stringMatching(/^[0-9A-Za-z]{20}$/), namespace: '_system', ...settings },
        item: { ...item, bytes: base64('hello') },
        ...{ state: 'active', next_at: IN_THE_FUTURE, created_by: 'anonymous' },
        ...{ created_at: A_TIME, updated_at: created.created_at },
      });
      expect(await call(format, 'list', { queue_name })).toEqual({ items: [created] });
      const twice = await call(format, 'create', { ...settings, item });
      expect(twice).toMatchObject({ code: 400, message: `schedule is invalid; '${name}' already exists` });

      const { until: _, ...forever } = settings;
      const update = { ...forever, missed: 'skip', item: { bytes: base64('x') } };
      const updated = await call(format, 'update', update);
      expect(updated).toMatchObject({ id: created.id, missed: 'skip', item: { bytes: base64('x') } });
      expect(updated).not.toHaveProperty('until');

      const paused = await call(format, 'pause', { name });
      expect(paused).toMatchObject({ state: 'paused', missed: 'skip' });
      expect(paused).not.toHaveProperty('next_at');
      expect(await call(format, 'resume', { namespace: '_system', name })).toMatchObject({
        ...{ state: 'active', next_at: IN_THE_FUTURE },
      });
      expect(await call(format, 'delete', { name })).toEqual({ code: 200 });
      expect(await call(format, 'delete', { name })).toMatchObject({
        ...{
          code: 400,
          message: `schedule does not exist; no such schedule named '${name}' in namespace '_system'`,
        },
      });
      expect(await call(format, 'list', { queue_name })).toEqual({});
    });

    test('pages of a list follow each other', async () => {
      const queue_name = fresh();
      await server.createQueue(queue_name);
      const schedule = { queue_name, cron: '0 0 1 1 *', time_zone: 'UTC', missed: 'one', item: {} };
      const names = [fresh(), fresh(), fresh()].sort();
      for (const name of names) await call(format, 'create', { ...schedule, name });
      const first = await call(format, 'list', { queue_name, limit: 2 });
      expect(first.items.map(({ name }: { name: string }) => name)).toEqual(names.slice(0, 2));
      const second = await call(format, 'list', { queue_name, limit: 2, cursor: first.cursor });
      expect(second.items.map(({ name }: { name: string }) => name)).toEqual(names.slice(2));
      expect(second).not.toHaveProperty('cursor');
      const { status } = await server.post('/v1/queues.delete', { queue_name });
      expect(status).toBe(200);
      expect(await call(format, 'list', { queue_name })).toEqual({});
    });

    test('what never comes is refused, and nothing is stored', async () => {
      const [name, queue_name] = [fresh(), fresh()];
      await server.createQueue(queue_name);
      const refused = { name, queue_name, cron: '0 0 30 2 *', time_zone: 'UTC', missed: 'one', item: {} };
      expect(await call(format, 'create', refused)).toEqual({
        ...{ code: 400, code_text: 'Bad Request', message: "cron is invalid; '0 0 30 2 *' never comes" },
      });
      expect(await call(format, 'list', { queue_name })).toEqual({});
    });
  });
});

describe('a schedule of a server on postgres', { timeout: 60_000 }, () => {
  const server = useServer('postgres');
  const call = (...args: Call) => callOf(server, ...args);

  test('a time that has come is fired, and its failure is shown', async () => {
    const [name, queue_name] = [fresh(), fresh()];
    await server.createQueue(queue_name);
    const item = { utf8: 'tick', kind: 'k', metadata: { trace: '1' } };
    await call('json', 'create', {
      ...{ name, queue_name, cron: '* * * * *', time_zone: 'UTC', missed: 'all', item },
    });
    await server.post('/v2/queues.pause', { queue_name, produce: true });
    const database = new pg.Client(server.connectionString);
    await database.connect();
    // Three minutes of the past are due.
    await database.query(
      `UPDATE querator_schedules SET look_at = now(), state = (state::jsonb || jsonb_build_object('dueAt',
         (extract(epoch from date_trunc('minute', now()) - interval '2 minutes') * 1e6)::bigint::text))::text
       WHERE name = $1`,
      [name],
    );
    await database.end();
    const found = async () => (await call('json', 'list', { queue_name })).items[0];
    // A schedule that is changed wakes the server.
    await call('json', 'update', {
      ...{ name, queue_name, cron: '* * * * *', time_zone: 'UTC', missed: 'all', item },
    });
    await vi.waitFor(async () => {
      expect(await found()).toMatchObject({
        state: 'failing',
        failure: { code: 'queue_paused', message: 'queue is paused; try again later', since: A_TIME },
      });
    });
    await server.post('/v2/queues.resume', { queue_name });
    await call('json', 'update', {
      ...{ name, queue_name, cron: '* * * * *', time_zone: 'UTC', missed: 'all', item },
    });
    await vi.waitFor(async () => {
      const { fired_count, state } = await found();
      expect(Number(fired_count)).toBeGreaterThanOrEqual(3);
      expect(state).toBe('active');
    });
    await call('json', 'pause', { name });
    const { json } = await server.post('/v2/queue.lease', {
      ...{ queue_name, client_id: 'c', batch_size: 100, request_timeout: '5s' },
    });
    const { fired_count } = await found();
    expect(json.items).toHaveLength(Number(fired_count));
    expect(json.items[0]).toMatchObject({ kind: 'k', bytes: base64('tick'), metadata: { trace: '1' } });
  });
});

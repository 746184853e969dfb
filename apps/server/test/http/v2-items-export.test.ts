import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { STORAGES, useServer } from '../support/test-server.ts';

let count = 0;
const fresh = () => `exported-${++count}`;

const text = fc.constantFrom('', 'a', 'é😀', "'; --", '%_\\', '{"user":1}');
const time = fc
  .integer({ min: 0, max: 3_000_000_000 })
  .map((seconds) => new Date(4_000_000_000_000 + seconds * 1_000).toISOString().replace('.000Z', 'Z'));
const id = fc.nat({ max: 0xffff }).map((number) => `0${number.toString(16).padStart(16, '0')}ABCDEFGHIJ`);
const metadata = fc.dictionary(fc.constantFrom('a', 'traceparent', 'first_id', '%'), text, { maxKeys: 3 });
const source = fc.record({
  ...{
    queue: fc.constantFrom('orders', 'é'),
    partition: fc.nat({ max: 9 }),
    id,
    attempts: fc.nat({ max: 99 }),
  },
  ...{ produced_at: time, died_at: time, queue_created_at: time, error: text },
  reason: fc.constantFrom('attempts', 'expired', 'rejected', 'moved'),
});

/** Items as an export shows them, without ids, sizes and times that the import gives. */
const items = fc.array(
  fc
    .record(
      {
        ...{ reference: text, kind: text, encoding: text, metadata, error: text, first_id: id },
        ...{ attempts: fc.nat({ max: 9 }), max_attempts: fc.nat({ max: 9 }), partition: fc.nat({ max: 1 }) },
        payload: fc.uint8Array({ maxLength: 9 }).map((bytes) => Buffer.from(bytes).toString('base64')),
        ...{ expire_deadline: time, source },
      },
      { requiredKeys: ['first_id', 'partition', 'expire_deadline'] },
    )
    .chain((item) =>
      fc.oneof(
        fc.constant({ ...item, state: 'waiting' }),
        time.map((lease_deadline) => ({ ...item, state: 'leased', lease_deadline })),
        time.map((enqueue_at) => ({ ...item, state: 'scheduled', enqueue_at })),
      ),
    ),
  { minLength: 1, maxLength: 20 },
);

describe.each(STORAGES)('/v2/items.export and import on %s', { timeout: 60_000 }, (storage) => {
  const server = useServer(storage);

  const call = async (verb: string, request: object) => {
    const { status, json } = await server.post(`/v2/items.${verb}`, request);
    return status === 200 ? json : { status, ...json };
  };

  /** A new queue of two partitions. */
  async function newQueue(): Promise<string> {
    const queue_name = fresh();
    await server.createQueue(queue_name, { requested_partitions: 2 });
    return queue_name;
  }

  async function exported(queue_name: string, limit = 0) {
    const all: Record<string, unknown>[] = [];
    let cursor = '';
    do {
      const page = await call('export', { queue_name, cursor, limit });
      all.push(...(page.items ?? []));
      cursor = page.cursor ?? '';
    } while (cursor !== '');
    return all;
  }

  async function exportedKeys(queue_name: string, limit = 0) {
    const all: Record<string, unknown>[] = [];
    let cursor = '';
    do {
      const page = await call('export', { queue_name, dedup_keys: true, cursor, limit });
      expect([page.items, page.has_dedup_keys]).toEqual([undefined, true]);
      all.push(...(page.dedup_keys ?? []));
      cursor = page.cursor ?? '';
    } while (cursor !== '');
    return all;
  }

  /** What an import keeps. */
  const kept = ({ id: _, created_at, payload_size, ...item }: Record<string, unknown>) => item;

  test('what was exported and imported is exported again as it was', async () => {
    await fc.assert(
      fc.asyncProperty(items, fc.integer({ min: 1, max: 7 }), async (given, limit) => {
        const [first, second] = [await newQueue(), await newQueue()];
        const imported = await call('import', { queue_name: first, items: given });
        expect(imported.items).toHaveLength(given.length);
        const before = await exported(first, limit);
        expect(before.map(({ id }) => id)).toEqual(
          [...imported.items].sort((a, b) => (a.partition ?? 0) - (b.partition ?? 0)).map(({ id }) => id),
        );
        const again = await call('import', { queue_name: second, items: before });
        expect(again.items.every(({ code }: { code?: string }) => code === undefined)).toBe(true);
        expect((await exported(second)).map(kept)).toEqual(before.map(kept));
      }),
      { numRuns: storage === 'memory' ? 30 : 8 },
    );
  });

  test('an item whose source id is there is a duplicate, and the id without details is the first one', async () => {
    const queue_name = await newQueue();
    const letter = { source_id: 'letter', payload: 'YQ==' };
    const { items: outcomes } = await call('import', {
      queue_name,
      items: [letter, letter, { partition: 1 }],
    });
    expect(outcomes).toEqual([
      { id: expect.stringMatching(/^0/) },
      { duplicate: true },
      { id: expect.stringMatching(/^0/), partition: 1 },
    ]);
    const [first] = await exported(queue_name);
    expect(first).toMatchObject({ id: outcomes[0].id, first_id: outcomes[0].id, state: 'waiting' });
  });

  test('a repeated import with dedup keys stores nothing, although its items are gone', async () => {
    const queue_name = await newQueue();
    const keyed = { queue_name, items: [{ dedup_key: 'a' }, { dedup_key: 'b', partition: 1 }] };
    const whole = { queue_name, dedup_key: 'all', dedup_window: '1h', items: [{}, { partition: 1 }, {}] };
    const isStored = (id: string) => ({ id: expect.stringMatching(/^0/), ...(id && { partition: 1 }) });
    expect((await call('import', keyed)).items).toEqual([isStored(''), isStored('1')]);
    expect((await call('import', whole)).items).toEqual([isStored(''), isStored('1'), isStored('')]);
    await server.post('/v1/queue.clear', { queue_name, queue: true });
    const gone = { duplicate: true };
    expect((await call('import', keyed)).items).toEqual([gone, { ...gone, partition: 1 }]);
    expect((await call('import', whole)).items).toEqual([gone, { ...gone, partition: 1 }, gone]);
    expect(await exported(queue_name)).toEqual([]);
  });

  test('dedup keys of one queue are known in another one, with their ids, until the same time', async () => {
    const [first, second] = [await newQueue(), await newQueue()];
    const produced = async (queue_name: string, dedup_key: string) => {
      const items = [{ utf8: dedup_key }, { utf8: 'second' }];
      const request = { queue_name, request_timeout: '10s', items, dedup_key, dedup_window: '1h' };
      return (await server.post('/v2/queue.produce', request)).json.items.map(({ id }: { id: string }) => id);
    };
    const names = Array.from({ length: 7 }, (_, n) => `key-${n}`);
    const ids = new Map<string, string[]>();
    for (const key of names) ids.set(key, await produced(first, key));
    const keys = await exportedKeys(first, 2);
    expect(keys.map(({ key }) => key).sort()).toEqual(names);
    expect(keys.map((each) => each['partition'] ?? 0)).toEqual(
      keys.map((each) => each['partition'] ?? 0).sort(),
    );
    expect(keys[0]).toMatchObject({
      ids: ids.get(String(keys[0]?.['key'])),
      ends_at: expect.stringMatching(/Z$/),
    });

    expect(await call('import', { queue_name: second, dedup_keys: keys })).toEqual({ keys_stored: 7 });
    expect(await call('import', { queue_name: second, dedup_keys: keys })).toEqual({ keys_present: 7 });
    for (const key of names) expect(await produced(second, key)).toEqual(ids.get(key));
    expect(await exported(second)).toEqual([]);
    const byKey = (all: readonly Record<string, unknown>[]) =>
      new Map(all.map((each) => [each['key'], each]));
    expect(byKey(await exportedKeys(second))).toEqual(byKey(keys));
  });

  test('a cursor of dedup keys is none of items, and the other way round', async () => {
    const queue_name = await newQueue();
    const cursor = Buffer.from('key 0.').toString('base64url');
    const refused = { status: 400, message: 'cursor is invalid; expected the cursor of a reply' };
    expect(await call('export', { queue_name, dedup_keys: true, cursor })).not.toHaveProperty('status');
    expect(await call('export', { queue_name, cursor })).toMatchObject(refused);
    const ofItems = Buffer.from('0.').toString('base64url');
    expect(await call('export', { queue_name, dedup_keys: true, cursor: ofItems })).toMatchObject(refused);
  });

  test('one bad item is refused by its field, and nothing is imported', async () => {
    const queue_name = await newQueue();
    const refused = async (item: object, message: string) => {
      const reply = await call('import', { queue_name, items: [{ kind: 'good' }, item] });
      expect(reply).toMatchObject({ status: 400, message });
    };
    await refused(
      { state: 'gone' },
      "state is invalid; 'gone' is none of 'waiting', 'leased', 'scheduled', 'dead', 'moving'",
    );
    await refused({ state: 'scheduled' }, "enqueue_at is required; the state is 'scheduled'");
    await refused({ metadata: { '': 'a' } }, 'metadata is invalid; a key cannot be empty');
    await refused({ first_id: 'x' }, "invalid storage id; 'x': Valid encoded KSUIDs are 27 characters");
    await refused({ partition: 2 }, "partition is invalid; '2' is not a valid partition");
    const id = '0'.repeat(27);
    await refused(
      { source: { id, died_at: '2026-01-01T00:00:00Z', reason: 'bored' } },
      "source.reason is invalid; 'bored' is none of 'attempts', 'expired', 'rejected', 'moved'",
    );
    expect(await exported(queue_name)).toEqual([]);
  });

  test('retry and delete answer each id', async () => {
    const queue_name = await newQueue();
    await call('import', { queue_name, items: [{ kind: 'a' }, { kind: 'b' }, { kind: 'c' }] });
    const lease = { queue_name, client_id: 'c', batch_size: 1, request_timeout: '5s' };
    const { json } = await server.post('/v1/queue.lease', lease);
    const [leased] = json.items.map((item: { id: string }) => item.id);
    const waiting = (await exported(queue_name)).map((item) => item['id']).filter((id) => id !== leased);
    const unknown = '0'.repeat(27);
    expect(await call('retry', { queue_name, ids: [waiting[0], leased, unknown, 'x'] })).toMatchObject({
      items: [
        { id: waiting[0], code: 'not_leased' },
        { id: leased },
        { id: unknown, code: 'lease_lost' },
        { id: 'x', code: 'no_such_item' },
      ],
    });
    const all = (await exported(queue_name)).map((item) => item['id']);
    expect(all).toHaveLength(3);
    expect(all).not.toContain(leased);
    const deleted = await call('delete', { queue_name, ids: [all[2], unknown, 'x', all[0]] });
    expect(deleted.items).toMatchObject([
      { id: all[2] },
      { id: unknown, code: 'lease_lost' },
      { id: 'x', code: 'no_such_item' },
      { id: all[0] },
    ]);
    expect(deleted.items[0]).toEqual({ id: all[2] });
    expect((await exported(queue_name)).map((item) => item['id'])).toEqual([all[1]]);
  });
});

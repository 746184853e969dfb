import { SystemClock, SystemRandom, silentLogger } from '@querator/core';
import { codecs, type WireFormat } from '@querator/protocol';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Composition, compose } from '../../src/compose.ts';
import { parseConfig } from '../../src/index.ts';

/** Elements that each part of the server may handle in one turn of the event loop. */
const ELEMENTS_AT_ONCE = 1_000;
const MIB = 1_048_576;
const ITEMS = 20_000;

const MEDIA: Readonly<Record<WireFormat, string>> = {
  json: 'application/json',
  protobuf: 'application/protobuf',
};

let server: Composition;

/** Calls the application without a connection, and counts the turns of the event loop until its answer. */
async function ask(path: string, body: object | Uint8Array, format: WireFormat = 'json') {
  const isBytes = body instanceof Uint8Array;
  const request = new Request(`http://in.process/v1/${path}`, {
    method: 'POST',
    headers: { 'Content-Type': isBytes ? MEDIA.protobuf : MEDIA.json, Accept: MEDIA[format] },
    body: isBytes ? (body as Uint8Array<ArrayBuffer>) : JSON.stringify(body),
  });
  let turns = 0;
  let isAnswered = false;
  const count = () => {
    turns++;
    if (!isAnswered) setImmediate(count);
  };
  setImmediate(count);
  const answer = await server.app.fetch(request, {});
  isAnswered = true;
  const bytes = new Uint8Array(await answer.arrayBuffer());
  expect([answer.status, bytes.length]).toEqual([200, expect.any(Number)]);
  return { turns, bytes };
}

function createQueue(queue_name: string) {
  const timeouts = { lease_timeout: '1m', expire_timeout: '1h' };
  return ask('queues.create', { queue_name, ...timeouts, requested_partitions: 1 });
}

function importOf(queueName: string, items: object[]): Uint8Array {
  const codec = codecs.StorageItemsImportRequest;
  return codec.encode(codec.create({ queueName, items }));
}

beforeAll(() => {
  const storages = {
    'queue-storage': { driver: 'memory' },
    'partition-storage': [{ name: 'mem', driver: 'memory' }],
  };
  const deps = { clock: new SystemClock(), random: new SystemRandom(), logger: silentLogger };
  server = compose(parseConfig(JSON.stringify(storages)), deps);
});

afterAll(() => server.stop());

describe.each(['json', 'protobuf'] as const)('with replies in %s', (format) => {
  const many = `many-${format}`;
  const large = `large-${format}`;

  test('an import of many items lets other requests run', async () => {
    await createQueue(many);
    const items = Array.from({ length: ITEMS }, () => ({ payload: Buffer.alloc(10) }));
    const { turns, bytes } = await ask('storage/items.import', importOf(many, items), format);
    // Its items are converted, stored, converted again, and encoded.
    expect(turns).toBeGreaterThanOrEqual(4 * (ITEMS / ELEMENTS_AT_ONCE - 1));
    const reply = codecs.StorageItemsImportResponse;
    const stored = format === 'json' ? reply.fromJson(bytes) : reply.decode(bytes);
    expect(stored.items).toHaveLength(ITEMS);
  });

  test('a list of many items lets other requests run', async () => {
    const { turns } = await ask('storage/items.list', { queue_name: many, limit: 65_536 }, format);
    expect(turns).toBeGreaterThanOrEqual(2 * (ITEMS / ELEMENTS_AT_ONCE - 1));
  });

  test('a clear of many items lets other requests run', async () => {
    const { turns } = await ask('queue.clear', { queue_name: many, queue: true });
    expect(turns).toBeGreaterThanOrEqual(ITEMS / ELEMENTS_AT_ONCE - 1);
  });

  test('replies with one large item let other requests run', async () => {
    await createQueue(large);
    const item = { payload: Buffer.alloc(16_000_000, 'payload'), reference: 'é'.repeat(4_000_000) };
    const imported = await ask('storage/items.import', importOf(large, [item]), format);
    const listed = await ask('storage/items.list', { queue_name: large }, format);
    const lease = { queue_name: large, client_id: 'c', batch_size: 1, request_timeout: '1s' };
    const leased = await ask('queue.lease', lease, format);
    for (const { turns, bytes } of [imported, listed, leased]) {
      // Each part of a reply is encoded, and copied.
      expect(turns).toBeGreaterThanOrEqual(bytes.length / MIB);
    }
  });
});

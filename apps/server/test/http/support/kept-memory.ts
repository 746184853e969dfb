/**
 * Prints as JSON, for each kind of padded body, the bytes of memory that one
 * waiting request keeps: `node --expose-gc kept-memory.ts`. A program of its own,
 * because it collects garbage and measures its process.
 */
import { once } from 'node:events';
import { request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SystemClock } from '@querator/core';
import type { Service } from '@querator/engine';
import { MemoryBudget } from '../../../src/http/budget/memory-budget.ts';
import { createHttpServer } from '../../../src/http/node/http-server.ts';
import { httpFixture } from '../../support/http-fixture.ts';

const REQUESTS = 40;
const PADDING = 900_000;
const LARGE_PADDING = 2_000_000;
const collectGarbage = globalThis.gc as () => void;

/** Keeps each call, as an engine does while its requests wait. */
const calls: unknown[] = [];
const keep = (call: unknown) => {
  calls.push(call);
  return new Promise<never>(() => {});
};
const service = {
  batchLimits: { produceBatch: 1_000, completeBatch: 1_000, importBatch: 65_536, deleteBatch: 10_000 },
  queue: { produce: keep, lease: keep },
  queues: {},
  storage: {},
} as unknown as Service;

const text = (length: number) => 'x'.repeat(length);
const json = (fields: string, padding: number) => Buffer.from(`{${' '.repeat(padding)}${fields}}`);
const FIELDS = `"queue_name":"${text(40)}","request_timeout":"${'0'.repeat(60)}1s","items":[{"kind":"${text(30)}","utf8":"${text(30)}"}]`;
/** Field 2: the timeout. Field 3: an item with a payload. Field 15 is unknown. */
const wire = (padding: number) => {
  const item = Buffer.concat([Buffer.from([0x1a, 34, 0x2a, 32]), Buffer.alloc(32, 'x')]);
  const pad = Buffer.alloc(padding, Buffer.from([0x78, 1]));
  return Buffer.concat([Buffer.from([0x12, 2]), Buffer.from('1s'), item, pad]);
};
const BODIES: Readonly<Record<string, Buffer>> = {
  'JSON: blanks': json(FIELDS, PADDING),
  'JSON: blanks, large': json(FIELDS, LARGE_PADDING),
  'JSON: beyond Latin 1 in a text': json(FIELDS.replace('"kind":"', '"kind":"\u20ac'), PADDING),
  'protobuf: unknown fields': wire(PADDING),
  'protobuf: unknown fields, large': wire(LARGE_PADDING),
};

// The budget counts the bodies of waiting requests, whether they are in memory or not.
const budget = new MemoryBudget(Number.MAX_SAFE_INTEGER);
const http = createHttpServer(httpFixture(service, new SystemClock(), { budget }));
http.listen(0, '127.0.0.1');
await once(http, 'listening');
const { port } = http.address() as AddressInfo;

/** Sends a body and waits until the request does. */
async function send(body: Buffer, isJson: boolean, hasLength: boolean): Promise<void> {
  const known = calls.length;
  const headers = {
    'Content-Type': isJson ? 'application/json' : 'application/protobuf',
    ...(hasLength ? { 'Content-Length': body.length } : { 'Transfer-Encoding': 'chunked' }),
  };
  const outgoing = request({ host: '127.0.0.1', port, method: 'POST', path: '/v1/queue.produce', headers });
  const answered = once(outgoing, 'response').then(() => {
    throw new Error('a request did not wait');
  });
  outgoing.end(body);
  while (calls.length === known) await Promise.race([nextTurn(), answered]);
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

async function usedMemory(): Promise<number> {
  for (let round = 0; round < 3; round++) {
    collectGarbage();
    await nextTurn();
  }
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

const kept: Record<string, number> = {};
for (const [name, body] of Object.entries(BODIES)) {
  for (const hasLength of [true, false]) {
    const isJson = name.startsWith('JSON');
    await send(body, isJson, hasLength);
    const before = await usedMemory();
    for (let sent = 0; sent < REQUESTS; sent++) await send(body, isJson, hasLength);
    kept[`${name}${hasLength ? '' : ', chunked'}`] = Math.round(((await usedMemory()) - before) / REQUESTS);
  }
}
process.stdout.write(JSON.stringify(kept));
process.exit(0);

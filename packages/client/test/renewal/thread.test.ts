import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  addDuration,
  type Instant,
  milliseconds,
  millisecondsBetween,
  noSuchItem,
  SystemClock,
} from '@querator/core';
import { codecsV2, endpointsV2, toTimestamp } from '@querator/protocol';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ReplyError } from '../../src/index.ts';
import { LeaseTable } from '../../src/renewal/lease-table.ts';
import type { RenewedItem } from '../../src/renewal/renewal.ts';
import { ThreadRenewal } from '../../src/renewal/thread-renewal.ts';
import { ThreadHost } from '../../src/thread/thread-host.ts';
import { FakeServer } from '../support/fake-server.ts';

const ID = (n: number) => String(n).padStart(27, '0');
const LATER = 4_000_000_000_000_000n as Instant;
const clock = new SystemClock();

/** The ids of each extend call. */
const calls: { queueName: string; leaseTimeout: string; ids: string[]; key: string | undefined }[] = [];
let answers = true;
const fake = new FakeServer().on(endpointsV2.queue.extend, ({ queueName, leaseTimeout, ids }) => {
  calls.push({ queueName, leaseTimeout, ids, key: fake.received.at(-1)?.headers['authorization'] });
  if (!answers) throw new Error('broken');
  return codecsV2.QueueExtendResponse.create({
    items: ids.map((id) =>
      id === ID(0)
        ? { id, code: 'lease_lost', message: noSuchItem(id).message }
        : { id, leaseDeadline: toTimestamp(LATER) },
    ),
  });
});
const server = createServer(async (request, response) => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  const { status, headers, arrayBuffer } = await (async () => {
    const reply = await fake.fetch(`http://x${request.url}`, {
      headers: request.headers as Record<string, string>,
      body: Buffer.concat(chunks),
    });
    return { status: reply.status, headers: reply.headers, arrayBuffer: await reply.arrayBuffer() };
  })();
  response.writeHead(status, { 'Content-Type': headers.get('content-type') ?? '' });
  response.end(Buffer.from(arrayBuffer));
});
let host: ThreadHost;
beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  host = new ThreadHost({ endpoint: `http://127.0.0.1:${port}`, apiKey: 'secret', tls: undefined });
});
afterAll(() => {
  server.close();
  server.closeAllConnections();
});

function item(n: number, leftMs: number): RenewedItem {
  const leasedFor = milliseconds(leftMs);
  const leaseDeadline = addDuration(clock.now(), leasedFor);
  const renewUntil = addDuration(clock.now(), milliseconds(60_000));
  return { id: ID(n), partition: 2, leaseDeadline, leasedFor, renewUntil, renewAt: clock.now() };
}

/** A renewal in the thread, and its next lost item or error. */
function start(queueName: string) {
  const lost = Promise.withResolvers<RenewedItem>();
  const error = Promise.withResolvers<unknown>();
  const renewal = new ThreadRenewal<RenewedItem>({
    ...{ thread: host, queueName, leaseTimeout: undefined },
    onLost: lost.resolve,
    onError: error.resolve,
    onFailed: (failure) => error.resolve(failure),
  });
  return { renewal, lost: lost.promise, error: error.promise };
}

test('a thread renews the leases of several workers, and tells what became of them', async () => {
  const [one, two] = [start('one'), start('two')];
  const [kept, removed, gone, other] = [item(1, 200), item(2, 200), item(0, 300), item(3, 200)];
  await one.renewal.start();
  one.renewal.add([kept, removed]);
  one.renewal.remove(removed);
  one.renewal.add([gone]);
  two.renewal.add([other]);
  expect(await one.lost).toBe(gone);
  await expect.poll(() => other.leaseDeadline).toBe(LATER);
  expect(kept.leaseDeadline).toBe(LATER);
  expect(removed.leaseDeadline).not.toBe(LATER);
  expect(calls.flatMap(({ ids }) => ids)).not.toContain(ID(2));
  expect(new Set(calls.map(({ queueName }) => queueName))).toEqual(new Set(['one', 'two']));
  expect(calls[0]).toMatchObject({ key: 'Bearer secret' });
  one.renewal.stop();
  two.renewal.stop();
});

test('a thread begins its work while the event loop is blocked', () => {
  const place = host.open({ heard() {}, failed() {} });
  const { loop } = place;
  const table = new LeaseTable();
  const blocked = new Int32Array(new SharedArrayBuffer(4));
  /** Adds a lease, and blocks until the thread has seen it. */
  const nextLookWith = (renewInMs: number) => {
    const renewAt = addDuration(clock.now(), milliseconds(renewInMs));
    table.add({ ...item(5, 2 * renewInMs), leasedFor: milliseconds(2 * renewInMs), renewAt });
    table.nextLook = undefined;
    place.post({ kind: 'look', loop, by: renewAt });
    for (let tries = 0; table.nextLook === undefined && tries < 1_000; tries++) {
      Atomics.wait(blocked, 0, 0, 10);
    }
    return table.nextLook === undefined ? undefined : millisecondsBetween(renewAt, table.nextLook);
  };
  place.post({ kind: 'begin', loop, queueName: 'q', leaseTimeout: undefined, table: table.buffer });
  expect(nextLookWith(60_000)).toBe(-10_000);
  // It is due soon, so what renews it is loaded, and looks again in time.
  expect(nextLookWith(14_000)).toBeCloseTo(0, 0);
  place.close();
});

test('a failed renewal is reported, and the thread starts anew for the next worker', async () => {
  answers = false;
  const it = start('three');
  it.renewal.add([item(4, 100)]);
  const error = await it.error;
  expect(error).toBeInstanceOf(ReplyError);
  expect(error).toMatchObject({
    name: 'QueueError',
    code: 'internal',
    status: 500,
    message: 'Internal Error',
  });
  it.renewal.stop();
});

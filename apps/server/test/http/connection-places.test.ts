import { afterEach, describe, expect, test } from 'vitest';
import type { ConnectionLimits } from '../../src/http/node/connections.ts';
import { until } from '../support/raw-connection.ts';
import { LEASE, leaseOf, PRODUCE, produceOf, SocketFixture } from '../support/socket-fixture.ts';

let fixture: SocketFixture;
let warnings: string[];

async function start(limits: ConnectionLimits): Promise<void> {
  warnings = [];
  const warn = (message: string) => warnings.push(message);
  fixture = await new SocketFixture({
    limits,
    logger: { debug() {}, info() {}, warn, error: warn },
  }).start();
  await fixture.createQueue('q');
}

afterEach(() => fixture.stop());

const counts = () => fixture.http.connections.counts();

/** A connection that has made a request. */
async function used() {
  const client = await fixture.connect();
  client.get('/health');
  await client.untilReplies(1);
  await until(() => counts().idle > 0);
  return client;
}

describe('when all places are taken', () => {
  test('further connections wait unread, and are served in order when others close', async () => {
    await start({ served: 2 });
    const release = fixture.storage.hold('produce', 0);
    const first = await fixture.connect();
    const second = await fixture.connect();
    for (const busy of [first, second]) busy.call(PRODUCE, produceOf('q', 'a', '15m'));
    await until(() => counts().idle === 0);
    const third = await fixture.connect();
    third.get('/health');
    const fourth = await fixture.connect();
    fourth.get('/health');
    await fixture.clock.advance('59s');
    expect(counts()).toMatchObject({ open: 2, queued: 2 });
    expect([third.statuses, fourth.statuses]).toEqual([[], []]);
    first.socket.destroy();
    await third.untilReplies(1);
    expect(fourth.statuses).toEqual([]);
    third.socket.destroy();
    await fourth.untilReplies(1);
    release();
  });

  test('one that leaves while it waits takes no place', async () => {
    await start({ served: 1 });
    const first = await fixture.waitingConsumer('q', 'a');
    await until(() => counts().consumers === 1);
    const leaving = await fixture.connect();
    leaving.socket.resetAndDestroy();
    const last = await fixture.connect();
    last.get('/health');
    first.socket.destroy();
    await last.untilReplies(1);
    expect(counts()).toMatchObject({ open: 1, queued: 0 });
  });

  test('the connection that was idle for longest is closed, and none that was active within a minute', async () => {
    await start({ served: 3 });
    const never = await fixture.connect();
    await fixture.clock.advance('1s');
    const early = await used();
    await fixture.clock.advance('9s');
    const late = await used();
    const waiting = await fixture.connect();
    waiting.get('/health');
    await fixture.clock.advance('49s');
    expect(counts()).toMatchObject({ open: 3, idle: 3, queued: 1 });
    await fixture.clock.advance('1s');
    await waiting.untilReplies(1);
    await never.untilClosed();
    expect([early.isClosed, late.isClosed]).toEqual([false, false]);
    // It was active 51 s ago, and becomes so again.
    early.get('/health');
    await early.untilReplies(2);
    await until(() => counts().idle === 3);
    const next = await fixture.connect();
    next.get('/health');
    await fixture.clock.advance('10s');
    await next.untilReplies(1);
    await late.untilClosed();
    expect(early.isClosed).toBe(false);
    expect(fixture.http.connections.closed.get('idle')).toBe(2);
  });

  test('a connection idle for a minute makes room at once', async () => {
    await start({ served: 1 });
    const idle = await used();
    await fixture.clock.advance('2m');
    const client = await fixture.connect();
    client.get('/health');
    await client.untilReplies(1);
    await idle.untilClosed();
    expect(counts()).toMatchObject({ open: 1, queued: 0 });
  });

  test('a consumer that waits is not idle', async () => {
    await start({ served: 1 });
    const consumer = await fixture.waitingConsumer('q', 'a');
    await until(() => counts().consumers === 1);
    await fixture.clock.advance('10m');
    const client = await fixture.connect();
    client.get('/health');
    await fixture.clock.advance('1m');
    expect(counts()).toMatchObject({ open: 1, queued: 1, consumers: 1 });
    expect(consumer.isClosed).toBe(false);
  });

  test('the log says so once', async () => {
    await start({ served: 1 });
    await used();
    for (let n = 0; n < 5; n++) await fixture.connect();
    expect(warnings).toEqual(['all connections are in use; further ones wait']);
  });

  test('connections without a descriptor are closed, and counted', async () => {
    await start({ served: 1, open: 1 });
    await used();
    const dropped = await fixture.connectDropped();
    await dropped.untilClosed();
    expect(fixture.http.connections.closed.get('descriptors')).toBe(1);
  });
});

test('consumers may not take the last places: calls that do not wait are served', async () => {
  await start({ served: 20 });
  for (let n = 0; n < 18; n++) await fixture.waitingConsumer('q', `consumer-${n}`);
  await until(() => counts().consumers === 18);
  const client = await fixture.connect();
  client.get('/health');
  await client.untilReplies(1);
  client.call(PRODUCE, produceOf('q', 'a'));
  await client.untilReplies(2);
  // One consumer got the item. One more may wait now, and no other.
  await until(() => counts().consumers === 17);
  client.call(LEASE, leaseOf('q', 'late'));
  await until(() => counts().consumers === 18);
  const refused = await fixture.connect();
  refused.call(LEASE, leaseOf('q', 'too-late'));
  await refused.untilReplies(1);

  expect(refused.statuses).toEqual([454]);
  expect(refused.received).toContain('queue is overloaded; try again later');
  await refused.untilClosed();

  // Those who hold items must be able to keep them, however many wait.
  const holder = await fixture.connect();
  const extended = { queue_name: 'q', request_timeout: '5s', lease_timeout: '1m', ids: ['unknown'] };
  holder.call('/v2/queue.extend', extended);
  await holder.untilReplies(1);
  expect(holder.statuses).toEqual([200]);
});

test('a connection runs one request at a time that waits for items', async () => {
  await start({ served: 10 });
  const client = await fixture.connect();
  client.call(LEASE, leaseOf('q', 'a'));
  client.call(LEASE, leaseOf('q', 'b'));
  await until(() => counts().consumers === 1);
  const producer = await fixture.connect();
  producer.call(PRODUCE, produceOf('q', '1'));
  await client.untilReplies(1);
  await until(() => counts().consumers === 1);
  producer.call(PRODUCE, produceOf('q', '2'));
  await client.untilReplies(2);
  expect(client.statuses).toEqual([200, 200]);
});

describe('half-sent headers', () => {
  test('have 10 s', async () => {
    await start({ served: 10 });
    const silent = await fixture.connect();
    const client = await fixture.connect();
    client.send('POST /v1/queue.produce HTTP/1.1\r\nHost: x\r\n');
    await until(() => (fixture.sockets[1]?.bytesRead ?? 0) > 0);
    await fixture.clock.advance('9s');
    client.send('X-Slow: 1\r\n');
    expect(client.isClosed).toBe(false);
    await fixture.clock.advance('2s');
    await client.untilClosed();
    expect(client.statuses).toEqual([408]);
    expect(fixture.http.connections.closed.get('headers')).toBe(1);
    expect(silent.isClosed).toBe(false);
  });

  test('have 10 s after an earlier request, too', async () => {
    await start({ served: 10 });
    const client = await used();
    await fixture.clock.advance('1m');
    expect(client.isClosed).toBe(false);
    const before = fixture.sockets[0]?.bytesRead ?? 0;
    client.send('GET /hea');
    await until(() => fixture.sockets[0]?.bytesRead !== before);
    await fixture.clock.advance('11s');
    await client.untilClosed();
    expect(client.statuses).toEqual([200, 408]);
  });
});

describe('a body', () => {
  const bytesRead = () => fixture.sockets[0]?.bytesRead ?? 0;

  test('that stalls for 30 s closes its connection', async () => {
    await start({ served: 10 });
    const client = await fixture.connect();
    client.sendHead(PRODUCE, 1_000);
    client.send('{');
    await until(() => fixture.http.budget.producers.used === 1);
    await fixture.clock.advance('20s');
    client.send('"');
    await until(() => fixture.http.budget.producers.used === 2);
    await fixture.clock.advance('29s');
    expect(client.isClosed).toBe(false);
    await fixture.clock.advance('2s');
    await client.untilClosed();
    expect(fixture.http.connections.closed.get('body')).toBe(1);
    expect(fixture.http.budget.producers.used).toBe(0);
  });

  test('that was refused and stalls closes it, too', async () => {
    await start({ served: 10 });
    const client = await fixture.connect();
    client.sendHead('/v1/no.such.call', 1_000);
    await client.untilReplies(1);
    await fixture.clock.advance('31s');
    await client.untilClosed();
  });

  test('that was refused may end later, and the connection goes on', async () => {
    await start({ served: 10 });
    const client = await fixture.connect();
    client.sendHead('/v1/no.such.call', 4);
    await client.untilReplies(1);
    const before = bytesRead();
    client.send('1234');
    await until(() => bytesRead() === before + 4);
    await fixture.clock.advance('1m');
    client.get('/health');
    await client.untilReplies(2);
    expect(client.statuses).toEqual([501, 200]);
  });
});

test('metrics show how near the limits are', async () => {
  await start({ served: 10 });
  await fixture.connect();
  await fixture.waitingConsumer('q', 'a');
  await until(() => counts().consumers === 1);
  const client = await fixture.connect();
  client.get('/metrics');
  await until(() => client.received.includes('querator_memory_budget_bytes{'));
  const series = new Map(
    [...client.received.matchAll(/^(querator_(?:conn|mem)\S+) (\d+)\r?$/gm)].map(([, name, value]) => [
      name,
      Number(value),
    ]),
  );
  expect(Object.fromEntries(series)).toMatchObject({
    'querator_connections{state="limit"}': 10,
    'querator_connections{state="open"}': 3,
    'querator_connections{state="idle"}': 1,
    'querator_connections{state="waiting"}': 1,
    'querator_connections{state="queued"}': 0,
    'querator_memory_budget_bytes{share="producers",state="limit"}': 80_000_000,
    'querator_memory_budget_bytes{share="producers",state="used"}': 0,
    'querator_memory_budget_bytes{share="producers",state="items"}': 0,
    'querator_memory_budget_bytes{share="answers",state="limit"}': 40_000_000,
    'querator_memory_budget_refusals_total{share="calls"}': 0,
  });
  expect(series.get('querator_memory_budget_bytes{share="calls",state="used"}')).toBeGreaterThan(0);
});

test('a closed connection leaves nothing behind', async () => {
  await start({ served: 10 });
  const client = await fixture.connect();
  client.call(LEASE, leaseOf('q', 'a'));
  client.call(LEASE, leaseOf('q', 'b'));
  client.sendHead(PRODUCE, 1_000);
  client.send('{');
  await until(() => fixture.http.budget.producers.used > 0);
  client.socket.destroy();
  const { producers, calls, pipelined, answers } = fixture.http.budget;
  await until(() => producers.used + calls.used + pipelined.used + answers.used === 0);
  await until(() => counts().consumers === 0);
  expect(counts()).toMatchObject({ open: 0, idle: 0, queued: 0 });
});

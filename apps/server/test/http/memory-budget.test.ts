import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { MemoryBudget } from '../../src/http/budget/memory-budget.ts';
import { until } from '../support/raw-connection.ts';
import { LEASE, leaseOf, PRODUCE, produceOf, SocketFixture } from '../support/socket-fixture.ts';

const OVERLOADED = 'queue is overloaded; try again later';

let budget: MemoryBudget;
/** The shares that had no room. */
let warnings: string[];
let fixture: SocketFixture;

async function start(bytes: number): Promise<void> {
  warnings = [];
  const warn = (_: string, { share }: { share?: unknown } = {}) => warnings.push(String(share));
  budget = new MemoryBudget(bytes, { debug() {}, info() {}, warn, error() {} });
  fixture = await new SocketFixture({ budget }).start();
  await fixture.createQueue('q');
}

// Producers have 4 MB, calls 1 MB, pipelined requests 1 MB, answers 2 MB.
beforeEach(() => start(8_000_000));

afterEach(() => fixture.stop());

/** A produce that announces more than it sends: `sent` bytes of its body have arrived. */
async function unfinished(sent: number, announced = 3_000_000) {
  const client = await fixture.connect();
  const before = budget.producers.used;
  client.sendHead(PRODUCE, announced);
  client.send(' '.repeat(sent));
  await until(() => budget.producers.used === before + sent);
  return client;
}

/** Makes a call on a connection of its own. */
async function reply(path: string, body: object) {
  const client = await fixture.connect();
  client.call(path, body);
  await client.untilReplies(1);
  return client;
}

async function statusOf(path: string, body: object): Promise<number | undefined> {
  return (await reply(path, body)).statuses[0];
}

describe('bodies', () => {
  test('count with what has arrived, not with what they announce', async () => {
    for (let n = 0; n < 10; n++) await unfinished(1_000);
    expect(budget.producers.used).toBe(10_000);
    expect(await statusOf(PRODUCE, produceOf('q', 'x'))).toBe(200);
    await until(() => budget.producers.used === 10_000);
  });

  test('above the budget are refused as overload, and consumers go on', async () => {
    await fixture.service.queue.produce({
      queueName: 'q',
      requestTimeout: '1m',
      items: [{ encoding: '', kind: '', reference: '', payload: new Uint8Array(1) }],
    });
    await unfinished(3_000_000, 3_000_001);
    await unfinished(499_000, 499_001);
    const refused = await reply(PRODUCE, produceOf('q', 'x'.repeat(100_000)));
    expect(refused.statuses).toEqual([454]);
    expect(refused.received).toContain(OVERLOADED);
    expect(budget.producers.refused).toBe(1);
    expect(warnings).toEqual(['producers']);
    // Small requests fit where great ones do not.
    expect(await statusOf(PRODUCE, produceOf('q', 'x'))).toBe(200);
    const leased = await reply(LEASE, leaseOf('q', 'a'));
    expect(leased.statuses).toEqual([200]);
    const id = /"id":"(\w+)"/.exec(leased.received)?.[1];
    const complete = { queue_name: 'q', partition: 0, request_timeout: '1m', ids: [id] };
    expect(await statusOf('/v1/queue.complete', complete)).toBe(200);
    const health = await fixture.connect();
    health.get('/health');
    await health.untilReplies(1);
    expect(health.statuses).toEqual([200]);
  });

  test('refused while they arrive leave their connection usable', async () => {
    await unfinished(3_000_000, 3_000_001);
    const client = await fixture.connect();
    // It fits while little else has arrived, and not in the end.
    client.sendHead(PRODUCE, 500_000);
    client.send(' '.repeat(250_000));
    await until(() => budget.producers.used === 3_250_000);
    const rival = await unfinished(240_000, 240_001);
    client.send(' '.repeat(250_000));
    await client.untilReplies(1);
    expect(client.statuses).toEqual([454]);
    await until(() => budget.producers.used === 3_240_000);
    client.get('/health');
    await client.untilReplies(2);
    expect(client.statuses).toEqual([454, 200]);
    rival.socket.destroy();
    await until(() => budget.producers.used === 3_000_000);
  });

  test('that arrive slowly make room for others after 5 s, those first that hold most', async () => {
    const slow = await unfinished(3_000_000, 3_000_001);
    const small = await unfinished(400_000, 400_001);
    expect(await statusOf(PRODUCE, produceOf('q', 'x'.repeat(200_000)))).toBe(454);
    await fixture.clock.advance('6s');
    expect(await statusOf(PRODUCE, produceOf('q', 'x'.repeat(200_000)))).toBe(200);
    await slow.untilReplies(1);
    expect([slow.statuses, small.statuses]).toEqual([[454], []]);
    // The refused one may send the rest.
    slow.send(' ');
    slow.get('/health');
    await slow.untilReplies(2);
    expect(slow.statuses).toEqual([454, 200]);
  });

  test.each(['chunked', 'announced'])('in tiny pieces cost their bytes: %s', async (framing) => {
    const client = await fixture.connect();
    const text = JSON.stringify(produceOf('q', 'x'.repeat(50_000)));
    client.sendHead(PRODUCE, framing === 'chunked' ? 'chunked' : text.length);
    const pieces = framing === 'chunked' ? [...text].map((byte) => `1\r\n${byte}\r\n`) : [...text];
    if (framing === 'chunked') pieces.push('0\r\n\r\n');
    client.send(pieces.slice(0, 20_000).join(''));
    await until(() => budget.producers.used === 20_000);
    client.send(pieces.slice(20_000).join(''));
    await client.untilReplies(1);
    expect(client.statuses).toEqual([200]);
    const [item] = await fixture.service.storage.listItems({
      queueName: 'q',
      partition: 0,
      pivot: '',
      limit: 1,
    });
    expect(item?.payload).toHaveLength(50_000);
    await until(() => budget.producers.used === 0);
  });

  test('without an announced length are refused at the limit of their call', async () => {
    const client = await fixture.connect();
    client.sendHead('/v1/queue.stats', 'chunked');
    for (let n = 0; n < 3; n++) client.send(`186a0\r\n${' '.repeat(100_000)}\r\n`);
    await client.untilReplies(1);
    expect(client.statuses).toEqual([400]);
    expect(client.received).toContain('request body exceeds 250.0KiB limit');
    client.send('0\r\n\r\n');
    client.get('/health');
    await client.untilReplies(2);
    expect(client.statuses).toEqual([400, 200]);
    expect(budget.calls.used).toBe(0);
  });
});

describe('items', () => {
  test('that wait for storage count, and their bodies do not count as well', async () => {
    fixture.storage.cut(0);
    const client = await fixture.connect();
    client.call(PRODUCE, produceOf('q', 'x'.repeat(1_000_000), '10s'));
    await until(() => budget.items > 1_000_000);
    expect(budget.producers.used).toBeLessThan(1_010_000);
    await fixture.clock.advance('11s');
    await client.untilReplies(1);
    expect(client.statuses).toEqual([454]);
    await until(() => budget.producers.used === 0);
    expect(budget.items).toBe(0);
  });

  test('of many producers stay within the budget while storage is down', async () => {
    fixture.storage.cut(0);
    const clients = await Promise.all(Array.from({ length: 30 }, () => fixture.connect()));
    const body = produceOf('q', 'x'.repeat(450_000), '10s');
    for (const client of clients) client.call(PRODUCE, body);
    await until(() => clients.filter(({ statuses }) => statuses[0] === 454).length >= 22);
    expect(budget.producers.used).toBeLessThanOrEqual(budget.producers.limit);
    expect(budget.items).toBeGreaterThan(450_000);
    await fixture.clock.advance('11s');
    await Promise.all(clients.map((client) => client.untilReplies(1)));
    await until(() => budget.producers.used === 0);
  });
});

describe('pipelined requests', () => {
  function produceCall(utf8: string): string {
    const text = JSON.stringify(produceOf('q', utf8));
    return `POST ${PRODUCE} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: ${text.length}\r\n\r\n${text}`;
  }
  const waiting = () => fixture.service.waiting().get('q')?.produceWaiting ?? 0;

  test('run 16 at a time, and their socket is not read while more than 16 wait', async () => {
    const release = fixture.storage.hold('produce', 0);
    const client = await fixture.connect();
    // A megabyte, of which a read of the socket brings 65,536 bytes.
    client.send(produceCall('x'.repeat(1_000)).repeat(1_000));
    await until(() => waiting() === 16);
    await until(() => fixture.sockets[0]?.isPaused() === true);
    const { bytesRead = 0 } = fixture.sockets[0] ?? {};
    expect(bytesRead).toBeLessThan(150_000);
    expect(budget.pipelined.used).toBeGreaterThan(0);
    release();
    await client.untilReplies(1_000);
    expect(client.statuses.every((status) => status === 200)).toBe(true);
    await until(() => budget.pipelined.used + budget.producers.used === 0);
  });

  test('that return data run one at a time, and others beside them', async () => {
    const release = fixture.storage.hold('list', 0);
    const client = await fixture.connect();
    for (let n = 0; n < 3; n++) client.call('/v1/storage/items.list', { queue_name: 'q', partition: 0 });
    const before = fixture.storage.count('list');
    await until(() => fixture.storage.count('list') === before + 1);
    await until(() => budget.pipelined.used > 0);
    const other = await fixture.connect();
    other.call(PRODUCE, produceOf('q', 'x'));
    await other.untilReplies(1);
    expect(fixture.storage.count('list')).toBe(before + 1);
    release();
    await client.untilReplies(3);
    expect(client.statuses).toEqual([200, 200, 200]);
  });

  test('above the budget close their connection', async () => {
    const release = fixture.storage.hold('produce', 0);
    const clients = await Promise.all([fixture.connect(), fixture.connect()]);
    for (const client of clients) client.send(produceCall('x').repeat(400));
    await until(() => clients.some(({ isClosed }) => isClosed));
    expect(fixture.http.connections.closed.get('pipelined')).toBeGreaterThan(0);
    expect(await statusOf(LEASE, { ...leaseOf('q', 'a'), request_timeout: '15' })).toBe(400);
    // The parser goes on to the end of what it has read; none of that is served or counted.
    const { producers, calls, pipelined, answers } = budget;
    for (const client of clients) client.socket.destroy();
    release();
    await until(() => producers.used + calls.used + pipelined.used + answers.used === 0);
    expect(fixture.storage.count('produce')).toBeLessThanOrEqual(3);
  });
});

describe('answers that nobody reads', () => {
  const list = { queue_name: 'q', partition: 0, limit: 100 };
  const LIST = '/v1/storage/items.list';

  /** Four items, whose list is an answer of about a megabyte. */
  async function fill(): Promise<void> {
    for (let n = 0; n < 4; n++) {
      await fixture.service.queue.produce({
        queueName: 'q',
        requestTimeout: '1m',
        items: [{ encoding: '', kind: '', reference: '', payload: new Uint8Array(200_000) }],
      });
    }
  }

  /** Asks for more than the operating system buffers, and reads nothing. */
  async function unread() {
    const client = await fixture.connect({ reads: false });
    for (let n = 0; n < 100; n++) client.call(LIST, list);
    return client;
  }

  test('of one connection hold further requests back, until it reads', async () => {
    await fixture.stop();
    await start(160_000_000);
    await fill();
    const client = await unread();
    await until(() => budget.answers.used > 1_000_000);
    await until(() => fixture.sockets[0]?.isPaused() === true);
    expect(budget.answers.used).toBeLessThanOrEqual(18_000_000);
    client.read();
    await client.untilReplies(100);
    expect(new Set(client.statuses)).toEqual(new Set([200]));
    await until(() => budget.answers.used === 0);
  });

  test('lose their connection after 5 s, when others need the room', async () => {
    await fill();
    await Promise.all([unread(), unread(), unread()]);
    await until(() => budget.answers.refused > 0);
    expect(budget.answers.used).toBeLessThanOrEqual(budget.answers.limit);
    expect(fixture.http.connections.closed.get('unread')).toBeUndefined();
    await fixture.clock.advance('6s');
    for (let n = 0; n < 3; n++) expect(await statusOf(LIST, list)).toBe(200);
    expect(fixture.http.connections.closed.get('unread')).toBeGreaterThan(0);
  });

  test('make further lists fail before they are read from storage', async () => {
    await fill();
    budget.answers.used = budget.answers.limit;
    const before = fixture.storage.count('list');
    expect(await statusOf(LIST, list)).toBe(454);
    expect(fixture.storage.count('list')).toBe(before);
    budget.answers.used = 0;
    expect(await statusOf(LIST, list)).toBe(200);
  });

  test('make a list fail that turns out to be too long, and that counts as refused', async () => {
    await fill();
    budget.answers.used = budget.answers.limit - 500_000;
    expect(await statusOf(LIST, list)).toBe(454);
    const { text } = await fixture.http.metrics.exposition();
    expect(text).toContain(`querator_http_replies_total{path="${LIST}",code="454"} 1`);
    expect(text).not.toContain(`querator_http_replies_total{path="${LIST}",code="200"}`);
  });

  test('do not keep an import from telling what it stored', async () => {
    budget.answers.used = budget.answers.limit - 500_000;
    const payload = Buffer.alloc(600_000).toString('base64');
    const path = '/v1/storage/items.import';
    expect(await statusOf(path, { queue_name: 'q', items: [{ payload }] })).toBe(200);
  });

  test('do not delay a consumer', async () => {
    await fill();
    await Promise.all([unread(), unread(), unread()]);
    await until(() => budget.answers.refused > 0);
    for (const name of 'abcd') expect(await statusOf(LEASE, leaseOf('q', name))).toBe(200);
    expect(budget.answers.used).toBeLessThanOrEqual(budget.answers.limit);
  });
});

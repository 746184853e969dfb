import { afterEach, describe, expect, test } from 'vitest';
import { HttpFront } from './support/http.ts';
import {
  DRIVERS,
  type Driver,
  fresh,
  type ServiceFixture,
  textsOf,
  useFixtures,
} from './support/service-fixture.ts';

const newFixture = useFixtures();
const open: HttpFront[] = [];

afterEach(async () => {
  for (const http of open.splice(0)) await http.close();
});

async function served(driver: Driver) {
  const fixture = newFixture({ main: driver });
  const q = fresh();
  await fixture.create(q);
  const http = await HttpFront.open(fixture);
  open.push(http);
  return { fixture, q, http };
}

/** Waits for an effect of a socket, which does not depend on the manual clock. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}

const waiting = (fixture: ServiceFixture, q: string) => fixture.service.waiting().get(q);

describe.each(DRIVERS)('clients over HTTP on %s', (driver) => {
  test('G6: a consumer that disconnects takes no item, and its client id is free', async () => {
    const { fixture, q, http } = await served(driver);
    const client = new AbortController();
    const call = { queue_name: q, client_id: 'c', batch_size: 5, request_timeout: '1m' };
    const body = JSON.stringify(call);
    const reply = http.post('/v1/queue.lease', body, 'json', client.signal).catch(() => 'gone');
    await until(() => waiting(fixture, q)?.leaseWaiting === 1);
    const twin = await http.send('/v1/queue.lease', call, 'json');
    expect([twin.status, twin.body['message']]).toEqual([
      400,
      'duplicate client id; a client cannot make multiple leased requests to the same queue',
    ]);
    client.abort();
    expect(await reply).toBe('gone');
    await until(() => waiting(fixture, q)?.leaseWaiting === 0);
    await fixture.produce(q, 'a');
    await fixture.settle();
    expect(await fixture.items(q)).toMatchObject([{ isLeased: false, attempts: 0 }]);
    expect((await http.send('/v1/queue.lease', call, 'json')).status).toBe(200);
  });

  test('a producer that disconnects while its request waits produces nothing', async () => {
    const { fixture, q, http } = await served(driver);
    fixture.storage().cut(0);
    const client = new AbortController();
    const call = { queue_name: q, request_timeout: '1m', items: [{ utf8: 'never' }] };
    const reply = http
      .post('/v1/queue.produce', JSON.stringify(call), 'json', client.signal)
      .catch(() => 'gone');
    await until(() => waiting(fixture, q)?.produceWaiting === 1);
    client.abort();
    expect(await reply).toBe('gone');
    await until(() => waiting(fixture, q)?.produceWaiting === 0);
    fixture.storage().heal(0);
    await fixture.advance('2s');
    expect(await fixture.items(q)).toEqual([]);
  });

  test('each error has its documented code: retry 454, shutdown 453, failed read 454', async () => {
    const { fixture, q, http } = await served(driver);
    await fixture.produce(q, 'a');
    const leased = await fixture.lease(q);
    expect(textsOf(leased)).toEqual(['a']);
    fixture.storage().fail('complete', 0, 'not-applied');
    const complete = { queue_name: q, request_timeout: '1m', ids: leased.items.map(({ id }) => id) };
    const refused = [await http.send('/v1/queue.complete', complete, 'json')];
    refused.push(await http.send('/v1/queue.complete', complete, 'protobuf'));
    fixture.storage().cut(0);
    refused.push(await http.send('/v1/queue.stats', { queue_name: q }, 'json'));
    await fixture.service.shutdown();
    refused.push(await http.send('/v1/queue.complete', complete, 'json'));
    expect(refused.map(({ status, body }) => [status, body['codeText'], body['message']])).toEqual([
      [454, 'Retry Request', 'internal error, try your request again'],
      [454, 'Retry Request', "partition not available; partition '0' is failing, retry again"],
      [454, 'Retry Request', 'internal error, try your request again'],
      [453, 'Request Failed', 'service is shutting down'],
    ]);
  });

  test('three hundred consumers and producers at once are all served', async () => {
    const { fixture, q, http } = await served(driver);
    const lease = (n: number) => ({ queue_name: q, client_id: `${n}`, batch_size: 1, request_timeout: '1m' });
    const produce = (n: number) => ({ queue_name: q, request_timeout: '1m', items: [{ utf8: `${n}` }] });
    const numbers = Array.from({ length: 300 }, (_, n) => n);
    const consumers = numbers.map((n) => http.send('/v1/queue.lease', lease(n), 'json'));
    await until(() => waiting(fixture, q)?.leaseWaiting === 300);
    // Fewer at a time than the buffer holds, so none may be refused.
    for (let n = 0; n < 300; n += 60) {
      const sent = numbers
        .slice(n, n + 60)
        .map((each) => http.send('/v1/queue.produce', produce(each), 'json'));
      for (const { status } of await Promise.all(sent)) expect(status).toBe(200);
    }
    const got = await Promise.all(consumers);
    const payloads = got.flatMap(({ body }) => body['items'] as { bytes: Uint8Array }[]);
    expect(new Set(payloads.map(({ bytes }) => Buffer.from(bytes).toString())).size).toBe(300);
    expect(await fixture.stats(q)).toMatchObject({ waiting: 0, leased: 300 });
  }, 30_000);
});

import { SeededRandom } from '@querator/core/testing';
import { afterEach, expect, test } from 'vitest';
import { MemoryBudget } from '../../src/http/budget/memory-budget.ts';
import { type RawConnection, until } from '../support/raw-connection.ts';
import { LEASE, leaseOf, PRODUCE, produceOf, SocketFixture } from '../support/socket-fixture.ts';

let fixture: SocketFixture;

afterEach(() => fixture.stop());

const LIST = '/v1/storage/items.list';

/** What a client may do, in any order, whether it makes sense or not. */
const ACTIONS: readonly ((client: RawConnection, n: number) => void)[] = [
  (client, n) => client.call(PRODUCE, produceOf('q', 'x'.repeat(n))),
  (client, n) => client.call(PRODUCE, produceOf('missing', 'x'.repeat(n))),
  (client, n) => client.call(LEASE, leaseOf('q', `client-${n}`)),
  (client, n) => client.call(LEASE, leaseOf('q', 'x'.repeat(n))),
  (client) => client.call(LIST, { queue_name: 'q', partition: 0, limit: 100 }),
  (client) => client.get('/health'),
  (client) => client.get('/metrics'),
  (client, n) => client.sendHead(PRODUCE, n),
  (client, n) => client.sendHead('/v1/no.such.call', n),
  (client) => client.sendHead(PRODUCE, 'chunked'),
  (client, n) => client.send(' '.repeat(n)),
  (client, n) => client.send(`${n.toString(16)}\r\n${' '.repeat(n)}\r\n`),
  (client) => client.send('0\r\n\r\n'),
  (client) => client.send('POST /v1/queue.produce HT'),
  (client) => client.socket.resetAndDestroy(),
  (client) => client.socket.end(),
];

test.each([1, 2, 3])('whatever clients do, nothing is held once they are gone (seed %i)', async (seed) => {
  const random = new SeededRandom(seed);
  const below = (limit: number) => Math.floor(random.fraction() * limit);
  // So little that every share is full at times.
  const budget = new MemoryBudget(1_600_000);
  fixture = await new SocketFixture({ budget, limits: { served: 30 } }).start();
  await fixture.createQueue('q');
  const clients: RawConnection[] = [];
  for (let round = 0; round < 40; round++) {
    clients.push(await fixture.connect({ reads: below(3) > 0 }));
    for (let n = 0; n < 20; n++) {
      const client = clients[below(clients.length)] as RawConnection;
      (ACTIONS[below(ACTIONS.length)] as (typeof ACTIONS)[number])(client, below(40_000));
    }
    if (below(4) === 0) fixture.storage.cut(0);
    if (below(4) === 0) fixture.storage.heal(0);
    await fixture.clock.advance(`${below(10)}s`);
  }
  fixture.storage.heal(0);
  for (const { socket } of clients) socket.destroy();
  const { connections } = fixture.http;
  const { producers, calls, pipelined, answers } = budget;
  await until(() => connections.counts().open === 0);
  await fixture.clock.advance('1m');
  await until(() => connections.counts().consumers === 0);
  await until(() => budget.items === 0);
  await until(() => producers.used + calls.used + pipelined.used + answers.used === 0);
  expect([producers.used, calls.used, pipelined.used, answers.used]).toEqual([0, 0, 0, 0]);
  expect(connections.counts().queued).toBe(0);
});

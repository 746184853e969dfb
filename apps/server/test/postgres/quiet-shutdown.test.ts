import { createTestDatabase } from '@querator/tooling-postgres';
import { expect, test } from 'vitest';
import { ADMIN_KEY } from '../access/support/access-server.ts';
import { WatchedServer } from './support/watched-server.ts';

const ALL_IN_USE = {
  audit: { log: true, table: true },
  quotas: { default: { queues: 100 } },
  'auth-backend': { driver: 'internal', 'admin-key': ADMIN_KEY },
};

test('a shutdown in the middle of everything logs no warning and no error', async () => {
  const { connectionString, drop } = await createTestDatabase();
  for (let round = 0; round < 2; round++) {
    const server = await WatchedServer.start(
      connectionString,
      [{ name: 'store', connectionString, maxConns: 5 }],
      ALL_IN_USE,
    );
    const call = (path: string, body: object) =>
      // A connection may end with the server.
      server.postTo(path, body, ADMIN_KEY).catch(() => undefined);
    const settings = { lease_timeout: '50ms', expire_timeout: '1h', requested_partitions: 2 };
    await call('/v1/queues.create', { queue_name: 'dead', ...settings });
    await call('/v1/queues.create', { queue_name: 'q', ...settings, max_attempts: 1, dead_queue: 'dead' });
    let isStopping = false;
    const repeat = async (path: string, body: (n: number) => object) => {
      for (let n = 0; !isStopping; n++) await call(path, { request_timeout: '5s', ...body(n) });
    };
    const q = { queue_name: 'q' };
    const items = (n: number) =>
      Array.from({ length: 20 }, (_, i) => ({ utf8: 'x', dedup_key: `${round} ${n} ${i}` }));
    const load = [
      repeat('/v2/queue.produce', (n) => ({ ...q, items: items(n), dedup_window: '1s' })),
      // Nobody completes them, so they die.
      repeat('/v2/queue.lease', () => ({ ...q, client_id: 'a', batch_size: 10 })),
      repeat('/v1/queue.lease', () => ({ queue_name: 'dead', client_id: 'b', batch_size: 1 })),
      repeat('/v2/audit.list', () => ({})),
      repeat('/v1/users.create', (n) => ({ username: `u-${round}-${n}` })),
      repeat('/v2/queues.pause', () => ({ ...q, produce: true })),
      repeat('/v2/queues.resume', () => ({ ...q, produce: true })),
      repeat('/v1/queue.stats', () => q),
    ];
    const dead = async () => {
      const reply = await call('/v1/queue.stats', { queue_name: 'dead' });
      return reply?.json.logicalQueues[0].partitions.some(({ total = 0 }: { total?: number }) => total > 0);
    };
    await expect.poll(dead, { timeout: 20_000 }).toBe(true);
    const stopped = server.stop();
    isStopping = true;
    await stopped;
    await Promise.all(load);
    expect(server.log.filter(({ level }) => level === 'warn' || level === 'error')).toEqual([]);
  }
  await drop();
}, 90_000);

import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { SystemRandom } from '@querator/core';
import { ManualClock } from '@querator/core/testing';
import { expect, test } from 'vitest';
import { PoolRegistry, postgresBackend } from '../src/index.ts';

test('a backend measures its time limits by the clock of its registry', async () => {
  // Accepts connections and sends nothing.
  const silent = createServer().listen(0, '127.0.0.1');
  await once(silent, 'listening');
  const { port } = silent.address() as AddressInfo;
  const clock = new ManualClock();
  const backend = postgresBackend({
    name: 'silent',
    connectionString: `postgres://user@127.0.0.1:${port}/db?sslmode=disable`,
    registry: new PoolRegistry({ clock }),
    random: new SystemRandom(),
  });
  let failed = false;
  const ping = backend.ping().catch(() => {
    failed = true;
  });
  const [socket] = await once(silent, 'connection');
  await clock.advance('10ms');
  expect(failed).toBe(false);
  await clock.advance('1h');
  await ping;
  expect(failed).toBe(true);
  socket.destroy();
  await backend.close();
  silent.close();
});

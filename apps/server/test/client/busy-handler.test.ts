import { spawnSync } from 'node:child_process';
import { createClient, ensureQueue, producer, worker } from '@querator/client';
import { freePort } from '@querator/tooling-processes';
import { afterAll, expect, test } from 'vitest';
import { ServerProgram } from '../support/server-program.ts';

/** Waits, in a process of its own, until a server has extended the lease of an item beyond its first deadline. */
const AWAIT_RENEWAL = `
const [url, first] = process.argv.slice(1);
const passed = () => Date.now() > Number(first);
for (;;) {
  const reply = await fetch(url + '/v1/storage/items.list', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ queue_name: 'busy', partition: 0, pivot: '', limit: 10 }),
  });
  const [item] = (await reply.json()).items;
  if (!item?.is_leased) throw new Error('the lease was lost');
  if (Date.parse(item.lease_deadline) > Number(first) && passed()) break;
}`;

let server: ServerProgram | undefined;
afterAll(() => server?.child.kill());

test('a handler that blocks the process for longer than its lease keeps it', async () => {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  server = new ServerProgram(['--address', `127.0.0.1:${port}`]);
  await server.untilLogged('HTTP server started');
  const client = createClient({ endpoint: url });
  await ensureQueue(client, { queue: 'busy', leaseTimeout: '2s' });
  await using items = producer(client, { queue: 'busy' });
  await items.send(Buffer.from('one'));

  const attempts: number[] = [];
  const completed = Promise.withResolvers<void>();
  await using working = worker(client, {
    queue: 'busy',
    stopSignals: [],
    hooks: { completed: () => completed.resolve() },
    handler: (item, { signal }) => {
      attempts.push(item.attempts);
      const { status, stderr } = spawnSync(process.execPath, [
        ...['--input-type=module', '--eval', AWAIT_RENEWAL],
        ...[url, String(Date.now() + 2_000)],
      ]);
      expect(String(stderr)).toBe('');
      expect(status).toBe(0);
      expect(signal.aborted).toBe(false);
    },
  });
  await Promise.race([completed.promise, working.done]);
  expect(attempts).toEqual([1]);
}, 60_000);

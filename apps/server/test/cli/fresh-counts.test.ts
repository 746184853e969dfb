import type { Fetch } from '@querator/client';
import { expect, test } from 'vitest';
import { Terminal } from './support/terminal.ts';

/** A server that begins to count when it is asked: its third reply to a call has counts. */
function countingServer(reply: (isCounted: boolean) => Readonly<Record<string, object>>) {
  const calls: string[] = [];
  const fetch: Fetch = async (url) => {
    const path = new URL(url).pathname.slice(1);
    calls.push(path);
    const looks = calls.filter((each) => each === path).length;
    return Response.json(reply(looks >= 3)[path] ?? {});
  };
  return { terminal: new Terminal(fetch), calls };
}

const row = (isCounted: boolean) => ({
  ...{ queue_name: 'mail', namespace: 'shop', dead_queue: 'graves' },
  ...(isCounted ? { waiting: 7, count_age: '1s' } : {}),
});

test('queues list looks again until the queues are counted', async () => {
  const { terminal, calls } = countingServer((isCounted) => ({
    'v2/queues.list': { items: [row(isCounted)], total: isCounted ? 1 : 0 },
  }));
  const { stdout, stderr } = await terminal.ok('queues list');
  expect(stdout).toMatch(/^mail +shop +7 +0 +0 +0 .* 1s ago$/m);
  expect(stderr).toBe('Found 1 of 1 queue(s)\n');
  expect(calls).toHaveLength(3);
});

test('queues list says which counts it has not got', async () => {
  const { terminal, calls } = countingServer(() => ({ 'v2/queues.list': { items: [row(false)] } }));
  const { stdout, stderr } = await terminal.ok('queues list');
  expect(stdout).toMatch(/^mail +shop +not yet$/m);
  expect(stderr).toBe('Found 1 of 1 queue(s)\n1 of them are not counted yet; ask again in a few seconds\n');
  expect(calls).toHaveLength(9);
});

test('queues list shows no dead letters before they are counted', async () => {
  const graves = { queue_name: 'graves', namespace: 'shop' };
  const { terminal } = countingServer(() => ({ 'v2/queues.list': { items: [row(true), graves], total: 2 } }));
  expect((await terminal.ok('queues list')).stdout).toMatch(/^mail +shop +7 +0 +0 +1s ago$/m);
});

test('queues list ends at Ctrl-C', async () => {
  const { terminal, calls } = countingServer(() => ({ 'v2/queues.list': { items: [row(false)] } }));
  const interruption = new AbortController();
  const sleep = async () => interruption.abort();
  await terminal.run(['queues', 'list'], { sleep, interrupted: () => interruption.signal });
  expect(calls).toHaveLength(1);
});

const partition = (count_age: string, waiting: number) => ({
  ...{ storage_name: 'items', state: 'open', health: 'in_service', waiting, count_age },
});

test('describe looks again if the counts were made before anybody asked, and tells the settings', async () => {
  const queue = { queue_name: 'mail', lease_timeout: '1m0s', expire_timeout: '24h0m0s' };
  const { terminal } = countingServer((isCounted) => ({
    'v2/queues.describe': {
      ...{ queue: { ...queue, max_attempts: 3, dead_queue: 'graves' }, waiting: isCounted ? 7 : 0 },
      partitions: [
        isCounted ? partition('1s', 7) : partition('10m', 0),
        { partition: 1, storage_name: 'items', state: 'open', health: 'failing' },
      ],
    },
  }));
  const { stdout, stderr } = await terminal.ok('describe mail');
  expect(stdout).toMatch(/^0 +items +open +in_service +7 +0 +0 +\? +1s$/m);
  expect(stderr).toContain('Holds 7 waiting, 0 leased, 0 scheduled item(s)\n');
  expect(stderr).toContain(
    "Items are leased for 1m0s, 3 time(s) at most, and moved to 'graves' then or after 24h0m0s\n",
  );
});

test('top --once looks at the queues of all namespaces, and again if their counts are old', async () => {
  const { terminal, calls } = countingServer((isCounted) => ({
    'v2/queues.list': { items: [row(true)], total: 1 },
    'v2/queues.describe': isCounted
      ? { queue: {}, waiting: 7, count_age: '1s' }
      : { queue: {}, waiting: 0, count_age: '10m' },
  }));
  expect((await terminal.ok('top --once')).stdout).toMatch(/^mail +7 +0 +0 /m);
  expect(calls.filter((each) => each === 'v2/queues.describe')).toHaveLength(3);
});

test('top --once says that there is no queue', async () => {
  const { terminal } = countingServer(() => ({ 'v2/queues.list': { total: 0 } }));
  expect(await terminal.ok('top --once')).toMatchObject({ stderr: 'Found 0 queue(s)\n' });
});

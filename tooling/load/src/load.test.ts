import { ServerProcess } from '@querator/tooling-processes';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Load } from './load.ts';
import type { LoadedQueue, LoadedServer } from './load-options.ts';

let server: ServerProcess;

beforeAll(async () => {
  server = await ServerProcess.start();
});
afterAll(() => server?.stop());

const PLAIN: LoadedQueue = { name: 'plain', produce: 5, lease: 10 };
const ALL = { retry: 0.1, later: 0.1, dead: 0.1, abandon: 0.1 };

/** A load of a server that gives some calls to `instead`. */
function loadOf(name: string, instead: (call: string, body: object, post: LoadedServer['post']) => unknown) {
  const post: LoadedServer['post'] = (call, body) => server.post(call, body);
  const through: LoadedServer = {
    post: async (call, body) => {
      const answer = await instead(call, body, post);
      return (answer as Awaited<ReturnType<LoadedServer['post']>>) ?? (await post(call, body));
    },
  };
  return new Load([through], { queues: [{ ...PLAIN, name }], scheduled: 0 });
}

test('a load of a sound server finds no fault, whatever its clients do with items', async () => {
  const load = new Load([server], {
    delayMs: 100,
    queues: [
      {
        ...{ name: 'all', produce: 5, lease: 10, setbacks: ALL, maxAttempts: 2 },
        settings: { lease_timeout: '1s', dead_queue: 'letters' },
      },
      { ...PLAIN, name: 'letters', produce: 0 },
    ],
  });
  await load.createQueues();
  load.start(3);
  await load.more(300);
  await load.settle();
  expect(load.ledger.faults()).toEqual([]);
  expect(load.ledger).toMatchObject({ unknown: 0, refused: 0, perhapsCompleted: 0, undelivered: [] });
  expect(load.ledger.completions).toBe(load.ledger.acknowledged);
});

test('a load finds produces that a server acknowledges and does not store', async () => {
  let produces = 0;
  const load = loadOf('lost', (call) =>
    call === 'queue.produce' && produces++ === 3 ? { status: 200, message: '', json: {} } : undefined,
  );
  await load.createQueues();
  load.start(1);
  await load.more(20);
  await load.settle();
  expect(load.ledger.faults()[0]).toContain('was acknowledged and is lost');
});

test('a load finds items that a server stores twice', async () => {
  let produces = 0;
  const load = loadOf('twice', async (call, body, post) => {
    if (call === 'queue.produce' && produces++ === 3) await post(call, body);
  });
  await load.createQueues();
  load.start(1);
  await load.more(20);
  await load.settle();
  expect(load.ledger.faults()).not.toEqual([]);
});

test('a load finds a payload that has changed', async () => {
  let leases = 0;
  const load = loadOf('changed', async (call, body, post) => {
    if (call !== 'queue.lease') return undefined;
    const answer = await post(call, body);
    if (answer?.status === 200 && leases++ === 0) answer.json.items[0].bytes = 'AAAA';
    return answer;
  });
  await load.createQueues();
  load.start(1);
  await load.more(20);
  await load.settle();
  expect(load.ledger.invented).toHaveLength(1);
  expect(load.ledger.missing()).toHaveLength(1);
});

test('a load fails at an answer that no client should get', async () => {
  const load = loadOf('refused', (call) =>
    call === 'queue.produce' ? { status: 501, message: 'no such call', json: {} } : undefined,
  );
  await load.createQueues();
  load.start(1);
  await expect(load.more(1)).rejects.toThrow('501 no such call');
  await load.stop();
});

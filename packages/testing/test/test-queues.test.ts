import { ConnectionLostError, Dead, json, producer, RetryAt, worker } from '@querator/client';
import { type TestQueues, testQueues } from '@querator/testing';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

const codec = json<{ readonly to: string }>();
const ANN = { to: 'ann' };

let queues: TestQueues;

beforeEach(async () => {
  queues = await testQueues();
});

afterEach(() => queues.stop());

const send = (options: Parameters<ReturnType<typeof mails>['send']>[1] = {}) => mails().send(ANN, options);
const mails = () => producer(queues.client, { queue: 'mail', codec, clock: queues.clock });

function work(handler: (mail: { readonly to: string }) => unknown) {
  const { client, clock } = queues;
  return worker(client, {
    ...{ queue: 'mail', codec, clock, stopSignals: [], retryDelay: () => '10s' },
    hooks: { failed: () => {}, error: () => {} },
    handler: ({ payload }) => handler(payload),
  });
}

test('an item is followed from its produce to its end', async () => {
  await queues.create('mail');
  const sent = await send({ kind: 'welcome', metadata: { tenant: 'blue' } });
  const waiting = await queues.waitFor(sent, 'waiting');
  expect(waiting).toMatchObject({
    firstId: sent.id,
    kind: 'welcome',
    metadata: { tenant: 'blue' },
    attempts: 0,
  });
  expect(await codec.decode(waiting?.payload as Uint8Array, { encoding: '', kind: '' })).toEqual(ANN);

  const { promise: answered, resolve: answer } = Promise.withResolvers<void>();
  const working = work(() => answered);
  expect(await queues.waitFor(sent, 'leased')).toMatchObject({ attempts: 1 });
  answer();
  expect(await queues.waitFor(sent, 'gone')).toBeUndefined();
  await working.stop();
});

test('time stands still until the test moves it on', async () => {
  await queues.create('mail');
  const began = queues.now();
  const sent = await send({ delay: '1h' });
  expect((await queues.items('mail')).map(({ state }) => state)).toEqual(['scheduled']);
  await queues.advance('59m');
  expect(await queues.waitFor(sent, 'scheduled')).toMatchObject({ queue: 'mail' });
  await queues.advance('1m1s');
  expect(await queues.waitFor(sent, 'waiting')).toMatchObject({ queue: 'mail' });
  expect(queues.now().getTime() - began.getTime()).toBe(3_601_000);
});

test('an item that its handler gives up goes to the dead-letter queue', async () => {
  await queues.create('dead');
  await queues.create('mail', { deadQueue: 'dead' });
  const working = work(({ to }) => {
    if (to === 'ann') throw new Dead('no such person');
  });
  const sent = await send();
  const letter = await queues.waitFor(sent, { state: 'waiting', queue: 'dead' });
  expect(letter?.source).toMatchObject({ queue: 'mail', reason: 'rejected', error: 'no such person' });
  await working.stop();
});

test('a handler that throws gets its item again after the delay', async () => {
  await queues.create('mail');
  let calls = 0;
  const working = work(() => {
    calls++;
    if (calls === 1) throw new Error('not now');
    if (calls === 2) throw new RetryAt(queues.now().getTime() + 60_000, 'later');
  });
  const sent = await send();
  await queues.waitFor(sent, 'scheduled');
  await queues.advance('11s');
  expect(await queues.waitFor(sent, 'scheduled')).toMatchObject({ attempts: 2, error: 'later' });
  expect(calls).toBe(2);
  await queues.advance('61s');
  await queues.waitFor(sent, 'gone');
  await working.stop();
});

describe('faults', () => {
  test('an answer is lost: the item is stored once, since the producer repeats under its key', async () => {
    await queues.create('mail');
    queues.loseAnswer('queue.produce');
    const sending = send();
    await queues.advance('10s');
    await sending;
    expect(await queues.items('mail')).toHaveLength(1);
  });

  test('a request is lost: a call says that nothing was done', async () => {
    await queues.create('mail');
    queues.loseRequest('queues.info');
    await expect(queues.client.queues.info({ queueName: 'mail' })).rejects.toMatchObject({
      outcome: 'not-applied',
    });
    expect(await queues.client.queues.info({ queueName: 'mail' })).toMatchObject({ queueName: 'mail' });
  });

  test('a call without repetition says that its answer was lost', async () => {
    await queues.create('mail');
    queues.loseAnswer('queue.clear', 2);
    const clear = () => queues.client.queue.clear({ queueName: 'mail', queue: true });
    await expect(clear()).rejects.toBeInstanceOf(ConnectionLostError);
    await expect(clear()).rejects.toBeInstanceOf(ConnectionLostError);
    await clear();
  });

  test('a lease ends on demand: the item is handled again, and its first handler is told', async () => {
    await queues.create('mail', { leaseTimeout: '1m' });
    const sent = await send();
    const signals: AbortSignal[] = [];
    const { client, clock } = queues;
    const working = worker(client, {
      ...{
        queue: 'mail',
        clock,
        stopSignals: [],
        concurrency: 2,
        hooks: { error: () => {}, failed: () => {} },
      },
      handler: (_, { signal }) => {
        signals.push(signal);
        if (signals.length > 1) return;
        return new Promise((resolve) => signal.addEventListener('abort', resolve));
      },
    });
    await queues.waitFor(sent, 'leased');
    expect(await queues.endLeases('mail')).toBe(1);
    await queues.waitFor(sent, 'gone');
    await queues.advance('31s');
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, false]);
    await working.stop();
  });

  test('calls that are held back go on when the test says so', async () => {
    await queues.create('mail');
    const go = queues.hold('queue.produce');
    const sending = send();
    await queues.settle();
    expect(await queues.items('mail')).toEqual([]);
    go();
    await queues.waitFor(await sending, 'waiting');
  });
});

test('waitFor tells where the item is instead', async () => {
  await queues.create('mail');
  const sent = await send();
  await expect(queues.waitFor(sent, 'gone', { patienceMs: 0 })).rejects.toThrow(
    `item '${sent.id}' is waiting in queue 'mail', and was to be gone`,
  );
  await expect(
    queues.waitFor('nobody', { state: 'leased', queue: 'mail' }, { patienceMs: 0 }),
  ).rejects.toThrow("item 'nobody' is gone, and was to be leased in queue 'mail'");
});

test('a wrong step of time is refused', async () => {
  await expect(queues.advance('-1s')).rejects.toThrow('the time cannot be moved on by -1s');
  await expect(queues.advance(Number.NaN)).rejects.toThrow(TypeError);
});

test('an item expires at its time', async () => {
  await queues.create('mail', { expireTimeout: '6h' });
  const sent = await send();
  await queues.advance('5h');
  await queues.waitFor(sent, 'waiting');
  await queues.advance('61m');
  await queues.waitFor(sent, 'gone');
});

import { DEFAULT_ENGINE_LIMITS } from '@querator/engine';
import { describe, expect, test } from 'vitest';
import { DRIVERS, fresh, item, textsOf, useFixtures, watch } from './support/service-fixture.ts';

const newFixture = useFixtures();
const OVERLOADED = { code: 'retry', message: 'queue is overloaded; try again later' };

describe.each(DRIVERS)('backpressure on %s', (driver) => {
  test('up to a hundred requests wait for a busy storage, and more are refused at once', async () => {
    const fixture = newFixture({ main: driver }, { limits: { requestsBuffered: 100 } });
    const [q, other] = [fresh(), fresh()];
    await fixture.create(q);
    await fixture.create(other);
    await fixture.produce(q, ...'abc');
    const leased = await fixture.lease(q, 3);
    const ids = leased.items.map(({ id }) => id);
    const releases = [
      fixture.storage().hold('produce', 0),
      fixture.storage().hold('complete', 0),
      fixture.storage().hold('retry', 0),
    ];
    const retry = (id: string) =>
      fixture.service.queue.retry({ queueName: q, partition: 0, items: [{ id, dead: false }] });
    const { statementsInFlight } = DEFAULT_ENGINE_LIMITS;
    // Each with the number of statements that storage runs at a time.
    const calls: [call: () => Promise<void>, inFlight: number][] = [
      [() => fixture.produce(q, 'x'), statementsInFlight],
      [() => fixture.completeIds(q, 0, ids[0] as string), statementsInFlight],
      [() => retry(ids[1] as string), 1],
    ];
    for (const [call, inFlight] of calls) {
      const first = watch(call());
      await fixture.settle();
      for (let n = 1; n < inFlight; n++) {
        watch(call());
        await fixture.settle();
      }
      const rest = Array.from({ length: 101 }, () => watch(call()));
      await fixture.settle();
      expect(first.state).toBe('pending');
      expect(rest.map(({ state }) => state).filter((state) => state === 'rejected')).toHaveLength(1);
      expect(rest[100]?.error).toMatchObject(OVERLOADED);
    }
    for (const release of releases) release();
    await fixture.produce(other, 'unconcerned');
    await fixture.settle();
    expect(fixture.service.waiting().get(q)).toMatchObject({ produceWaiting: 0, completeWaiting: 0 });
  });

  test('a thousand consumers can wait on one queue without more statements per item', async () => {
    const fixture = newFixture({ main: driver });
    const q = fresh();
    await fixture.create(q);
    const waiting = Array.from({ length: 1_000 }, () => watch(fixture.lease(q)));
    await fixture.settle();
    expect((await fixture.service.queue.stats(q)).leaseWaiting).toBe(1_000);
    const before = fixture.storage().count('lease');
    await fixture.produce(q, 'one');
    await fixture.settle();
    expect(fixture.storage().count('produceAndLease')).toBe(1);
    expect(fixture.storage().count('lease') - before).toBe(0);
    await fixture.produce(q, ...Array.from({ length: 999 }, (_, n) => `${n}`));
    await fixture.settle();
    expect(waiting.every(({ state }) => state === 'fulfilled')).toBe(true);
    expect(fixture.storage().count('lease') - before).toBeLessThan(10);
  });

  test('G6: a lease that timed out takes no item', async () => {
    const fixture = newFixture({ main: driver });
    const q = fresh();
    await fixture.create(q);
    const gone = watch(fixture.lease(q, 5, { requestTimeout: '1s' }));
    await fixture.advance('1s');
    expect(gone.error).toMatchObject({
      code: 'retry',
      message: 'request timeout; no items are in the queue, try again',
    });
    await fixture.produce(q, 'a');
    await fixture.settle();
    expect(await fixture.items(q)).toMatchObject([{ isLeased: false, attempts: 0 }]);
  });

  test('G6: items leased for a consumer that left return to their old place', async () => {
    const fixture = newFixture({ main: driver });
    const q = fresh();
    await fixture.create(q);
    await fixture.produce(q, 'a', 'b');
    const ids = (await fixture.items(q)).map(({ id }) => id);
    const release = fixture.storage().hold('lease', 0);
    const client = new AbortController();
    const call = { queueName: q, batchSize: 1, clientId: 'x', requestTimeout: '1m' };
    const left = watch(fixture.service.queue.lease(call, { signal: client.signal }));
    await fixture.settle();
    client.abort();
    release();
    await fixture.settle();
    expect(left.state).toBe('rejected');
    expect((await fixture.items(q)).map(({ id, attempts, isLeased }) => [id, attempts, isLeased])).toEqual([
      [ids[0], 0, false],
      [ids[1], 0, false],
    ]);
    expect(textsOf(await fixture.lease(q, 2))).toEqual(['a', 'b']);
  });

  test('a consumer that left frees its client id at once', async () => {
    const fixture = newFixture({ main: driver });
    const q = fresh();
    await fixture.create(q);
    const client = new AbortController();
    const call = { queueName: q, batchSize: 1, clientId: 'same', requestTimeout: '1m' };
    void fixture.service.queue.lease(call, { signal: client.signal }).catch(() => {});
    await fixture.settle();
    await expect(fixture.service.queue.lease(call)).rejects.toMatchObject({
      code: 'invalid',
      message: 'duplicate client id; a client cannot make multiple leased requests to the same queue',
    });
    client.abort();
    const again = watch(fixture.service.queue.lease(call));
    await fixture.settle();
    expect(again.state).toBe('pending');
    expect((await fixture.service.queue.stats(q)).leaseWaiting).toBe(1);
  });

  test('G3: a produce that finds no storage in time is refused, and never takes effect', async () => {
    const fixture = newFixture({ main: driver });
    const q = fresh();
    await fixture.create(q, { requestedPartitions: 2 });
    for (const partition of [0, 1]) fixture.storage().cut(partition);
    const call = { queueName: q, requestTimeout: '2s', items: [item('never')] };
    const refused = watch(fixture.service.queue.produce(call));
    const patient = watch(fixture.produce(q, 'patient'));
    await fixture.advance('2s');
    expect(refused.error).toMatchObject({
      code: 'retry',
      message: 'request timeout; items were not produced, try again',
    });
    expect(patient.state).toBe('pending');
    for (const partition of [0, 1]) fixture.storage().heal(partition);
    await fixture.advance('5s');
    expect(patient.state).toBe('fulfilled');
    expect([...(await fixture.payloads(q, 0)), ...(await fixture.payloads(q, 1))]).toEqual(['patient']);
  });

  test.each(['unknown-applied', 'unknown-lost'] as const)(
    'G1: a produce with the outcome %s is not answered with success, and not sent again',
    async (how) => {
      const fixture = newFixture({ main: driver });
      const q = fresh();
      await fixture.create(q, { requestedPartitions: 2 });
      fixture.storage().fail('produce', 0, how);
      await expect(fixture.produce(q, 'a')).rejects.toMatchObject({
        code: 'retry',
        message: 'request outcome unknown; items may have been produced',
      });
      await fixture.advance('10s');
      expect(await fixture.payloads(q, 0)).toEqual(how === 'unknown-applied' ? ['a'] : []);
      expect(await fixture.payloads(q, 1)).toEqual([]);
    },
  );

  test('a produce that times out while storage has it reports an unknown outcome', async () => {
    const fixture = newFixture({ main: driver });
    const q = fresh();
    await fixture.create(q);
    const release = fixture.storage().hold('produce', 0);
    const call = { queueName: q, requestTimeout: '1s', items: [item('a')] };
    const late = watch(fixture.service.queue.produce(call));
    await fixture.advance('1s');
    expect(late.error?.message).toBe('request outcome unknown; items may have been produced');
    release();
    await fixture.settle();
    expect(await fixture.payloads(q)).toEqual(['a']);
  });

  test.each(['not-applied', 'unknown-lost', 'unknown-applied'] as const)(
    'G1b: a lease whose storage call fails (%s) returns no items, and they return to the queue',
    async (how) => {
      const fixture = newFixture({ main: driver });
      const q = fresh();
      await fixture.create(q, { leaseTimeout: '10s' });
      await fixture.produce(q, 'a');
      fixture.storage().fail('lease', 0, how);
      const waiting = watch(fixture.lease(q));
      await fixture.settle();
      expect(waiting.state).toBe('pending');
      fixture.storage().heal(0);
      await fixture.advance('12s');
      expect(waiting.value && textsOf(waiting.value)).toEqual(['a']);
    },
  );

  test('G25: a shutdown while every partition is failing answers waiting requests, and ends', async () => {
    const fixture = newFixture({ main: driver });
    const q = fresh();
    await fixture.create(q, { requestedPartitions: 2 });
    for (const partition of [0, 1]) fixture.storage().cut(partition);
    const parked = watch(fixture.produce(q, 'a'));
    await fixture.settle();
    const done = watch(fixture.service.shutdown());
    await fixture.settle();
    expect([parked.error?.message, done.state]).toEqual(['queue is shutting down', 'fulfilled']);
    await expect(fixture.service.queue.stats(q)).rejects.toMatchObject({
      code: 'failed',
      message: 'service is shutting down',
    });
  });

  test('G25: a produce that storage refuses during the shutdown is answered, and sent to no other partition', async () => {
    const fixture = newFixture({ main: driver });
    const q = fresh();
    await fixture.create(q, { requestedPartitions: 2 });
    fixture.storage().fail('produce', 0, 'not-applied');
    const release = fixture.storage().hold('produce', 0, 'before');
    const produced = watch(fixture.produce(q, 'a'));
    await fixture.settle();
    const done = watch(fixture.service.shutdown());
    await fixture.settle();
    release();
    await fixture.settle();
    expect([produced.error?.message, done.state]).toEqual(['queue is shutting down', 'fulfilled']);
    expect(fixture.clock.pendingTimers).toBe(0);
    await fixture.restart();
    expect([await fixture.payloads(q, 0), await fixture.payloads(q, 1)]).toEqual([[], []]);
  });

  test('G26: a queue whose settings are read slowly delays no other queue', async () => {
    const fixture = newFixture({ main: driver });
    const [slow, quick] = [fresh(), fresh()];
    await fixture.create(quick);
    const release = fixture.storage().holdQueues('get', 'before');
    const waits = watch(fixture.produce(slow, 'a'));
    await fixture.settle();
    await fixture.produce(quick, 'b');
    expect(textsOf(await fixture.lease(quick))).toEqual(['b']);
    expect(waits.state).toBe('pending');
    release();
    await fixture.settle();
    expect(waits.error?.message).toBe(`queue does not exist; no such queue named '${slow}'`);
  });

  test('G35: a queue first used while its storage is down works once storage is back', async () => {
    const fixture = newFixture({ main: driver });
    const q = fresh();
    await fixture.create(q);
    await fixture.restart();
    fixture.storage().cut(0);
    fixture.storage().cutQueues();
    await expect(fixture.produce(q, 'a')).rejects.toThrow('injected');
    fixture.storage().healQueues();
    const parked = watch(fixture.produce(q, 'b'));
    await fixture.advance('1s');
    expect(parked.state).toBe('pending');
    fixture.storage().heal(0);
    await fixture.advance('5s');
    expect(parked.state).toBe('fulfilled');
    expect(await fixture.payloads(q)).toEqual(['b']);
  });

  test('G37: an idle queue causes no statements, and a due schedule a few', async () => {
    const fixture = newFixture({ main: driver });
    const q = fresh();
    await fixture.create(q);
    await fixture.produce(
      q,
      ...Array.from({ length: 50 }, (_, n) => item(`${n}`, { enqueueAt: fixture.in('1h') })),
    );
    await fixture.settle();
    const before = fixture.storage().calls.length;
    await fixture.advance('50m');
    expect(fixture.storage().calls.length - before).toBeLessThanOrEqual(51);
    await fixture.advance('9m59s');
    const consumers = Array.from({ length: 50 }, () => watch(fixture.lease(q)));
    await fixture.settle();
    const idle = fixture.storage().calls.length;
    await fixture.advance('1.01s');
    expect(consumers.every(({ state }) => state === 'fulfilled')).toBe(true);
    expect(fixture.storage().calls.length - idle).toBeLessThan(10);
  });
});

import { DEFAULT_ENGINE_LIMITS } from '@querator/engine';
import { describe, expect, test } from 'vitest';
import { DRIVERS, fresh, item, textsOf, useWorlds, watch } from './support/world.ts';

const newWorld = useWorlds();
const OVERLOADED = { code: 'retry', message: 'queue is overloaded; try again later' };

describe.each(DRIVERS)('backpressure on %s', (driver) => {
  test('of what waits for a busy storage a hundred requests are kept, and more are refused at once', async () => {
    const world = newWorld({ main: driver }, { limits: { requestsBuffered: 100 } });
    const [q, other] = [fresh(), fresh()];
    await world.create(q);
    await world.create(other);
    await world.produce(q, ...'abc');
    const leased = await world.lease(q, 3);
    const ids = leased.items.map(({ id }) => id);
    const letGo = [
      world.storage().hold('produce', 0),
      world.storage().hold('complete', 0),
      world.storage().hold('retry', 0),
    ];
    const retry = (id: string) =>
      world.service.queue.retry({ queueName: q, partition: 0, items: [{ id, dead: false }] });
    const { statementsInFlight } = DEFAULT_ENGINE_LIMITS;
    // Each with the number of statements that storage is given at a time.
    const calls: [call: () => Promise<void>, inFlight: number][] = [
      [() => world.produce(q, 'x'), statementsInFlight],
      [() => world.completeIds(q, 0, ids[0] as string), statementsInFlight],
      [() => retry(ids[1] as string), 1],
    ];
    for (const [call, inFlight] of calls) {
      const first = watch(call());
      await world.settle();
      for (let n = 1; n < inFlight; n++) {
        watch(call());
        await world.settle();
      }
      const rest = Array.from({ length: 101 }, () => watch(call()));
      await world.settle();
      expect(first.state).toBe('pending');
      expect(rest.map(({ state }) => state).filter((state) => state === 'rejected')).toHaveLength(1);
      expect(rest[100]?.error).toMatchObject(OVERLOADED);
    }
    for (const open of letGo) open();
    await world.produce(other, 'unconcerned');
    await world.settle();
    expect(world.service.waiting().get(q)).toMatchObject({ produceWaiting: 0, completeWaiting: 0 });
  });

  test('a thousand consumers can wait on one queue, and items cost no more statements for it', async () => {
    const world = newWorld({ main: driver });
    const q = fresh();
    await world.create(q);
    const waiting = Array.from({ length: 1_000 }, () => watch(world.lease(q)));
    await world.settle();
    expect((await world.service.queue.stats(q)).leaseWaiting).toBe(1_000);
    const before = world.storage().count('lease');
    await world.produce(q, 'one');
    await world.settle();
    expect(world.storage().count('produceAndLease')).toBe(1);
    expect(world.storage().count('lease') - before).toBe(0);
    await world.produce(q, ...Array.from({ length: 999 }, (_, n) => `${n}`));
    await world.settle();
    expect(waiting.every(({ state }) => state === 'fulfilled')).toBe(true);
    expect(world.storage().count('lease') - before).toBeLessThan(10);
  });

  test('G6: a lease whose time is up takes no item', async () => {
    const world = newWorld({ main: driver });
    const q = fresh();
    await world.create(q);
    const gone = watch(world.lease(q, 5, { requestTimeout: '1s' }));
    await world.advance('1s');
    expect(gone.error).toMatchObject({
      code: 'retry',
      message: 'request timeout; no items are in the queue, try again',
    });
    await world.produce(q, 'a');
    await world.settle();
    expect(await world.items(q)).toMatchObject([{ isLeased: false, attempts: 0 }]);
  });

  test('G6: items fetched for a consumer that left meanwhile wait again at their old place', async () => {
    const world = newWorld({ main: driver });
    const q = fresh();
    await world.create(q);
    await world.produce(q, 'a', 'b');
    const ids = (await world.items(q)).map(({ id }) => id);
    const letGo = world.storage().hold('lease', 0);
    const client = new AbortController();
    const call = { queueName: q, batchSize: 1, clientId: 'x', requestTimeout: '1m' };
    const left = watch(world.service.queue.lease(call, { signal: client.signal }));
    await world.settle();
    client.abort();
    letGo();
    await world.settle();
    expect(left.state).toBe('rejected');
    expect((await world.items(q)).map(({ id, attempts, isLeased }) => [id, attempts, isLeased])).toEqual([
      [ids[0], 0, false],
      [ids[1], 0, false],
    ]);
    expect(textsOf(await world.lease(q, 2))).toEqual(['a', 'b']);
  });

  test('a consumer that left frees its client id at once', async () => {
    const world = newWorld({ main: driver });
    const q = fresh();
    await world.create(q);
    const client = new AbortController();
    const call = { queueName: q, batchSize: 1, clientId: 'same', requestTimeout: '1m' };
    void world.service.queue.lease(call, { signal: client.signal }).catch(() => {});
    await world.settle();
    await expect(world.service.queue.lease(call)).rejects.toMatchObject({
      code: 'invalid',
      message: 'duplicate client id; a client cannot make multiple leased requests to the same queue',
    });
    client.abort();
    const again = watch(world.service.queue.lease(call));
    await world.settle();
    expect(again.state).toBe('pending');
    expect((await world.service.queue.stats(q)).leaseWaiting).toBe(1);
  });

  test('G3: a produce that finds no storage in time is refused, and never takes effect', async () => {
    const world = newWorld({ main: driver });
    const q = fresh();
    await world.create(q, { requestedPartitions: 2 });
    for (const partition of [0, 1]) world.storage().cut(partition);
    const call = { queueName: q, requestTimeout: '2s', items: [item('never')] };
    const refused = watch(world.service.queue.produce(call));
    const patient = watch(world.produce(q, 'patient'));
    await world.advance('2s');
    expect(refused.error).toMatchObject({
      code: 'retry',
      message: 'request timeout; items were not produced, try again',
    });
    expect(patient.state).toBe('pending');
    for (const partition of [0, 1]) world.storage().heal(partition);
    await world.advance('5s');
    expect(patient.state).toBe('fulfilled');
    expect([...(await world.payloads(q, 0)), ...(await world.payloads(q, 1))]).toEqual(['patient']);
  });

  test.each(['unknown-applied', 'unknown-lost'] as const)(
    'G1: a produce whose fate is %s is not answered with success, nor sent again',
    async (how) => {
      const world = newWorld({ main: driver });
      const q = fresh();
      await world.create(q, { requestedPartitions: 2 });
      world.storage().fail('produce', 0, how);
      await expect(world.produce(q, 'a')).rejects.toMatchObject({
        code: 'retry',
        message: 'request outcome unknown; items may have been produced',
      });
      await world.advance('10s');
      expect(await world.payloads(q, 0)).toEqual(how === 'unknown-applied' ? ['a'] : []);
      expect(await world.payloads(q, 1)).toEqual([]);
    },
  );

  test('a produce whose time is up while storage has it is told that nobody knows', async () => {
    const world = newWorld({ main: driver });
    const q = fresh();
    await world.create(q);
    const letGo = world.storage().hold('produce', 0);
    const call = { queueName: q, requestTimeout: '1s', items: [item('a')] };
    const late = watch(world.service.queue.produce(call));
    await world.advance('1s');
    expect(late.error?.message).toBe('request outcome unknown; items may have been produced');
    letGo();
    await world.settle();
    expect(await world.payloads(q)).toEqual(['a']);
  });

  test.each(['not-applied', 'unknown-lost', 'unknown-applied'] as const)(
    'G1b: a lease that storage fails (%s) is answered by nobody, and its items come back',
    async (how) => {
      const world = newWorld({ main: driver });
      const q = fresh();
      await world.create(q, { leaseTimeout: '10s' });
      await world.produce(q, 'a');
      world.storage().fail('lease', 0, how);
      const waiting = watch(world.lease(q));
      await world.settle();
      expect(waiting.state).toBe('pending');
      world.storage().heal(0);
      await world.advance('12s');
      expect(waiting.value && textsOf(waiting.value)).toEqual(['a']);
    },
  );

  test('G25: a shutdown with every partition failing answers what is parked, and ends', async () => {
    const world = newWorld({ main: driver });
    const q = fresh();
    await world.create(q, { requestedPartitions: 2 });
    for (const partition of [0, 1]) world.storage().cut(partition);
    const parked = watch(world.produce(q, 'a'));
    await world.settle();
    const done = watch(world.service.shutdown());
    await world.settle();
    expect([parked.error?.message, done.state]).toEqual(['queue is shutting down', 'fulfilled']);
    await expect(world.service.queue.stats(q)).rejects.toMatchObject({
      code: 'failed',
      message: 'service is shutting down',
    });
  });

  test('G25: a produce that storage refuses during the shutdown is answered, and sent nowhere else', async () => {
    const world = newWorld({ main: driver });
    const q = fresh();
    await world.create(q, { requestedPartitions: 2 });
    world.storage().fail('produce', 0, 'not-applied');
    const letGo = world.storage().hold('produce', 0, 'before');
    const produced = watch(world.produce(q, 'a'));
    await world.settle();
    const done = watch(world.service.shutdown());
    await world.settle();
    letGo();
    await world.settle();
    expect([produced.error?.message, done.state]).toEqual(['queue is shutting down', 'fulfilled']);
    expect(world.clock.pendingTimers).toBe(0);
    await world.restart();
    expect([await world.payloads(q, 0), await world.payloads(q, 1)]).toEqual([[], []]);
  });

  test('G26: a queue whose settings are slow to come holds up no other', async () => {
    const world = newWorld({ main: driver });
    const [slow, quick] = [fresh(), fresh()];
    await world.create(quick);
    const letGo = world.storage().holdQueues('get', 'before');
    const waits = watch(world.produce(slow, 'a'));
    await world.settle();
    await world.produce(quick, 'b');
    expect(textsOf(await world.lease(quick))).toEqual(['b']);
    expect(waits.state).toBe('pending');
    letGo();
    await world.settle();
    expect(waits.error?.message).toBe(`queue does not exist; no such queue named '${slow}'`);
  });

  test('G35: a queue first used while its storage is down works when that is back', async () => {
    const world = newWorld({ main: driver });
    const q = fresh();
    await world.create(q);
    await world.restart();
    world.storage().cut(0);
    world.storage().cutQueues();
    await expect(world.produce(q, 'a')).rejects.toThrow('injected');
    world.storage().healQueues();
    const parked = watch(world.produce(q, 'b'));
    await world.advance('1s');
    expect(parked.state).toBe('pending');
    world.storage().heal(0);
    await world.advance('5s');
    expect(parked.state).toBe('fulfilled');
    expect(await world.payloads(q)).toEqual(['b']);
  });

  test('G37: an idle queue is left in peace, and a due schedule costs a handful of statements', async () => {
    const world = newWorld({ main: driver });
    const q = fresh();
    await world.create(q);
    await world.produce(
      q,
      ...Array.from({ length: 50 }, (_, n) => item(`${n}`, { enqueueAt: world.in('1h') })),
    );
    await world.settle();
    const before = world.storage().calls.length;
    await world.advance('50m');
    expect(world.storage().calls.length - before).toBeLessThanOrEqual(51);
    await world.advance('9m59s');
    const consumers = Array.from({ length: 50 }, () => watch(world.lease(q)));
    await world.settle();
    const idle = world.storage().calls.length;
    await world.advance('1.01s');
    expect(consumers.every(({ state }) => state === 'fulfilled')).toBe(true);
    expect(world.storage().calls.length - idle).toBeLessThan(10);
  });
});

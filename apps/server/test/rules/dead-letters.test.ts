import { describe, expect, test } from 'vitest';
import {
  DRIVERS,
  type Driver,
  fresh,
  item,
  PAIRINGS,
  textOf,
  useFixtures,
  watch,
} from './support/service-fixture.ts';

const newFixture = useFixtures();

/** A queue on one storage with its dead-letter queue on another. */
async function pair(queueDriver: Driver, deadDriver: Driver, settings = {}, deadPartitions = 1) {
  const fixture = newFixture({ left: queueDriver, right: deadDriver });
  const [dead, q] = [fresh('dead'), fresh()];
  const right = Array.from({ length: deadPartitions }, () => 'right');
  await fixture.create(dead, { requestedPartitions: deadPartitions, expireTimeout: '48h' }, right);
  await fixture.create(q, { leaseTimeout: '10s', deadQueue: dead, maxAttempts: 1, ...settings }, ['left']);
  const deadTexts = async () => {
    const partitions = right.map((_, partition) => fixture.payloads(dead, partition));
    return (await Promise.all(partitions)).flat().sort();
  };
  return { fixture, q, dead, deadTexts };
}

describe.each(PAIRINGS)('a queue on %s, its dead-letter queue on %s', (queueDriver, deadDriver) => {
  test('max_attempts counts leases exactly, and the item then arrives as a new one', async () => {
    const { fixture, q, dead } = await pair(queueDriver, deadDriver, { maxAttempts: 2 });
    await fixture.produce(q, 'a');
    expect((await fixture.lease(q)).items).toMatchObject([{ attempts: 1 }]);
    await fixture.advance('10.1s');
    expect(await fixture.items(q)).toMatchObject([{ attempts: 1, isLeased: false }]);
    const last = await fixture.lease(q);
    expect(last.items).toMatchObject([{ attempts: 2 }]);
    const waiting = watch(fixture.lease(dead));
    await fixture.advance('10.1s');
    expect(await fixture.items(q)).toEqual([]);
    expect(waiting.value?.items.map(textOf)).toEqual(['a']);
    const [moved] = await fixture.items(dead);
    expect(moved).toMatchObject({
      sourceId: last.items[0]?.id,
      attempts: 1,
      encoding: 'utf-8',
      kind: 'test',
    });
    expect(moved?.id).not.toBe(last.items[0]?.id);
    expect(Number((moved?.expireDeadline ?? 0n) - (moved?.createdAt ?? 0n))).toBe(48 * 3_600e6);
  });

  test('a crash in the middle of the move leaves one copy', async () => {
    const { fixture, q, deadTexts } = await pair(queueDriver, deadDriver);
    await fixture.produce(q, 'a', 'b', 'c');
    await fixture.lease(q, 3);
    fixture.storage('left').fail('remove', 0, 'not-applied');
    await fixture.advance('10.1s');
    expect(await deadTexts()).toEqual(['a', 'b', 'c']);
    await fixture.restart({ crash: true });
    expect(await fixture.items(q)).toHaveLength(3);
    await fixture.advance('2m');
    expect(await fixture.items(q)).toEqual([]);
    expect(await deadTexts()).toEqual(['a', 'b', 'c']);
  });

  // A consumer that completes the first copy before the move continues must not get a second one.
  test.each(
    (['prepareLetters', 'markMoved', 'commitLetters', 'remove'] as const).flatMap((step) =>
      (['unknown-applied', 'not-applied'] as const).map((how) => ({ step, how })),
    ),
  )(
    'a process that dies at $step ($how) leaves one copy, however fast its consumer is',
    async ({ step, how }) => {
      const { fixture, q, dead } = await pair(queueDriver, deadDriver);
      await fixture.produce(q, 'a', 'b');
      await fixture.lease(q, 2);
      const storage = step === 'markMoved' || step === 'remove' ? 'left' : 'right';
      fixture.storage(storage).fail(step, 0, how);
      await fixture.advance('10.1s');
      const got: string[] = [];
      const consume = async () => {
        const consumer = watch(fixture.lease(dead, 2, { requestTimeout: '10ms' }));
        await fixture.advance('20ms');
        if (consumer.value === undefined) return;
        got.push(...consumer.value.items.map(textOf));
        await fixture.complete(dead, consumer.value);
      };
      await consume();
      await fixture.restart({ crash: true });
      // The first request activates a queue.
      await fixture.items(q);
      for (let halfMinute = 0; halfMinute < 4; halfMinute++) {
        await consume();
        await fixture.advance('30s');
      }
      await consume();
      expect(got.sort()).toEqual(['a', 'b']);
      expect([...(await fixture.items(q)), ...(await fixture.items(dead))]).toEqual([]);
    },
  );

  test.each(['unknown-applied', 'unknown-lost', 'not-applied'] as const)(
    'G14: a move that fails (%s) is repeated, and leaves one copy',
    async (how) => {
      const { fixture, q, deadTexts } = await pair(queueDriver, deadDriver);
      await fixture.produce(q, 'a', 'b');
      await fixture.lease(q, 2);
      fixture.storage('right').fail('prepareLetters', 0, how);
      await fixture.advance('10.1s');
      expect(await fixture.items(q)).toHaveLength(2);
      // No consumer gets it meanwhile.
      const consumer = watch(fixture.lease(q, 2, { requestTimeout: '500ms' }));
      await fixture.advance('600ms');
      expect(consumer.error?.message).toBe('request timeout; no items are in the queue, try again');
      fixture.storage('right').heal(0);
      await fixture.advance('6s');
      expect(await deadTexts()).toEqual(['a', 'b']);
      expect(await fixture.items(q)).toEqual([]);
      expect(fixture.logged.some(({ message }) => message.includes('could not be moved'))).toBe(true);
    },
  );

  test('G14: if the dead-letter queue is unavailable for long, moves resume once it is back', async () => {
    const { fixture, q, deadTexts } = await pair(queueDriver, deadDriver);
    await fixture.produce(q, 'a');
    await fixture.lease(q);
    fixture.storage('right').cut(0);
    await fixture.advance('2m');
    expect(await fixture.items(q)).toHaveLength(1);
    fixture.storage('right').heal(0);
    await fixture.advance('40s');
    expect(await deadTexts()).toEqual(['a']);
    expect(await fixture.items(q)).toEqual([]);
  });

  test('if one partition of the dead-letter queue fails, the letters of the others are not delivered twice', async () => {
    const { fixture, q, dead, deadTexts } = await pair(queueDriver, deadDriver, {}, 2);
    const texts = Array.from({ length: 20 }, (_, n) => `${n}`).sort();
    await fixture.produce(q, ...texts);
    await fixture.lease(q, 20);
    fixture.storage('right').fail('prepareLetters', 1, 'not-applied');
    await fixture.advance('10.1s');
    const first = await fixture.items(dead, 0);
    expect(first.length).toBeGreaterThan(0);
    expect(await fixture.items(q)).toHaveLength(20 - first.length);
    // A consumer completes the first copies before the rest of the move succeeds.
    await fixture.complete(dead, await fixture.lease(dead, 20));
    fixture.storage('right').heal(1);
    await fixture.advance('1m');
    expect(await fixture.items(q)).toEqual([]);
    expect([...first.map(textOf), ...(await deadTexts())].sort()).toEqual(texts);
  });

  test('a removal that fails after the move is repeated, and no item is moved twice', async () => {
    const { fixture, q, dead, deadTexts } = await pair(queueDriver, deadDriver);
    await fixture.produce(q, 'a');
    await fixture.lease(q);
    fixture.storage('left').fail('remove', 0, 'not-applied');
    await fixture.advance('10.1s');
    expect(await deadTexts()).toEqual(['a']);
    await fixture.complete(dead, await fixture.lease(dead));
    fixture.storage('left').heal(0);
    await fixture.advance('2m');
    expect([await fixture.items(q), await deadTexts()]).toEqual([[], []]);
  });

  test('G22: if a dead-letter queue is deleted by force, items stay, and move once it exists again', async () => {
    const { fixture, q, dead, deadTexts } = await pair(queueDriver, deadDriver);
    await fixture.produce(q, 'a', 'b');
    await fixture.lease(q, 2);
    await expect(fixture.service.queues.delete(dead, false)).rejects.toMatchObject({
      code: 'invalid',
      message: expect.stringContaining(`'${q}'`),
    });
    await fixture.service.queues.delete(dead, true);
    await fixture.advance('1m');
    expect((await fixture.payloads(q)).sort()).toEqual(['a', 'b']);
    const consumer = watch(fixture.lease(q, 2, { requestTimeout: '1s' }));
    await fixture.advance('1.1s');
    expect(consumer.error?.message).toContain('no items are in the queue');
    await fixture.create(dead, {}, ['right']);
    await fixture.advance('31s');
    expect(await deadTexts()).toEqual(['a', 'b']);
    expect(await fixture.items(q)).toEqual([]);
  });

  test('G19: an expired item that was never leased is moved once, and leaves its queue', async () => {
    const { fixture, q, dead, deadTexts } = await pair(queueDriver, deadDriver, { expireTimeout: '1m' });
    await fixture.produce(q, 'a', 'b', 'c');
    await fixture.lease(q);
    await fixture.advance('61s');
    expect(await fixture.items(q)).toEqual([]);
    expect(await deadTexts()).toEqual(['a', 'b', 'c']);
    await fixture.complete(dead, await fixture.lease(dead, 3));
    await fixture.advance('10m');
    expect(await deadTexts()).toEqual([]);
  });
});

describe.each(DRIVERS)('limits on %s', (driver) => {
  test('G7: sweeps for other items do not affect a valid last lease', async () => {
    const { fixture, q, deadTexts } = await pair(driver, driver);
    await fixture.produce(q, 'first', 'second');
    await fixture.lease(q);
    await fixture.advance('9s');
    const second = await fixture.lease(q);
    await fixture.advance('1.1s');
    expect(await deadTexts()).toEqual(['first']);
    await fixture.complete(q, second);
    await fixture.advance('1m');
    expect(await deadTexts()).toEqual(['first']);
  });

  test('G8: an item that expires during a valid lease dies when the lease ends', async () => {
    const { fixture, q, deadTexts } = await pair(driver, driver, { maxAttempts: 0, expireTimeout: '15s' });
    await fixture.produce(q, 'completed', 'abandoned');
    await fixture.advance('10s');
    const leased = await fixture.lease(q, 2);
    await fixture.advance('6s');
    expect(await fixture.items(q)).toHaveLength(2);
    await fixture.completeIds(q, 0, leased.items[0]?.id as string);
    await fixture.advance('5s');
    expect(await fixture.items(q)).toEqual([]);
    expect(await deadTexts()).toEqual(['abandoned']);
  });

  test('items at their limits are deleted without a dead-letter queue, and the log has their number', async () => {
    const fixture = newFixture({ main: driver });
    const q = fresh();
    await fixture.create(q, { leaseTimeout: '10s', expireTimeout: '1m', maxAttempts: 1 });
    await fixture.produce(q, 'leased', 'ignored');
    await fixture.lease(q);
    await fixture.advance('10.1s');
    expect(await fixture.payloads(q)).toEqual(['ignored']);
    await fixture.advance('1m');
    expect(await fixture.items(q)).toEqual([]);
    const deletions = fixture.logged.filter(({ message }) => message.startsWith('deleted items'));
    expect(deletions.map(({ fields }) => fields)).toEqual([
      { queue: q, partition: 0, items: 1 },
      { queue: q, partition: 0, items: 1 },
    ]);
  });

  test('new limits apply to existing items', async () => {
    const { fixture, q, dead, deadTexts } = await pair(driver, driver, { maxAttempts: 0 });
    const update = (settings: object) =>
      fixture.service.queues.update({
        ...{ queueName: q, namespace: '', leaseTimeout: '', expireTimeout: '', deadQueue: dead },
        ...{ maxAttempts: 0, reference: '', requestedPartitions: 0, ...settings },
      });
    await fixture.produce(q, 'a', 'b');
    await fixture.lease(q, 2);
    await fixture.advance('10.1s');
    expect(await fixture.payloads(q)).toHaveLength(2);
    await update({ maxAttempts: 2 });
    await fixture.lease(q);
    await fixture.advance('10.1s');
    expect(await deadTexts()).toEqual(['a']);
    await update({ maxAttempts: 1, deadQueue: '' });
    expect((await fixture.lease(q)).items.map(textOf)).toEqual(['b']);
    await fixture.advance('10.1s');
    expect([await fixture.items(q), await deadTexts()]).toEqual([[], ['a']]);
  });

  test('an item that dies in a dead-letter queue is deleted: there are no chains', async () => {
    const { fixture, q, dead, deadTexts } = await pair(driver, driver);
    await fixture.produce(q, 'a');
    await fixture.lease(q);
    await fixture.advance('10.1s');
    await fixture.retry(dead, await fixture.lease(dead), { dead: true });
    expect(await deadTexts()).toEqual([]);
  });

  test('an import leaves out an item with an existing source id, which is free again afterwards', async () => {
    const { fixture, q, dead, deadTexts } = await pair(driver, driver);
    await fixture.produce(q, 'a');
    await fixture.lease(q);
    await fixture.advance('10.1s');
    const [moved] = await fixture.items(dead);
    const again = {
      ...item('again'),
      sourceId: moved?.sourceId,
      isLeased: false,
      attempts: 0,
      maxAttempts: 0,
    };
    const call = { queueName: dead, partition: 0, items: [again] };
    expect(await fixture.service.storage.importItems(call)).toEqual([]);
    await fixture.complete(dead, await fixture.lease(dead));
    expect(await fixture.service.storage.importItems(call)).toHaveLength(1);
    expect(await deadTexts()).toEqual(['again']);
  });

  test('a running move ends before the table of its queue is dropped', async () => {
    const { fixture, q, dead } = await pair(driver, driver);
    await fixture.produce(q, 'a');
    await fixture.lease(q);
    const release = fixture.storage('right').hold('prepareLetters', 0, 'before');
    await fixture.advance('10.1s');
    const deleted = watch(fixture.service.queues.delete(dead, true));
    await fixture.settle();
    // The move runs: the deletion waits for it before it drops the table.
    expect(deleted.state).toBe('pending');
    release();
    await fixture.settle();
    expect(deleted.state).toBe('fulfilled');
    await fixture.create(dead, {}, ['right']);
    expect(await fixture.items(dead)).toEqual([]);
  });

  test('an item that dies after the deletion began stays in its own queue', async () => {
    const { fixture, q, dead, deadTexts } = await pair(driver, driver);
    await fixture.produce(q, 'a');
    await fixture.lease(q);
    const release = fixture.storage('right').hold('drop', 0, 'before');
    const deleted = watch(fixture.service.queues.delete(dead, true));
    await fixture.settle();
    await fixture.advance('10.1s');
    release();
    await fixture.settle();
    expect(deleted.state).toBe('fulfilled');
    expect(await fixture.payloads(q)).toEqual(['a']);
    await fixture.create(dead, {}, ['right']);
    await fixture.advance('31s');
    expect([await fixture.items(q), await deadTexts()]).toEqual([[], ['a']]);
  });
});

describe.each(DRIVERS)('dead letters that cannot be moved at once, on %s', (driver) => {
  /** Two items that died while their dead-letter queue was unreachable. */
  async function stuck() {
    const pairing = await pair(driver, driver);
    const { fixture, q } = pairing;
    await fixture.produce(q, 'a', 'b');
    await fixture.lease(q, 2);
    fixture.storage('right').cut(0);
    await fixture.advance('10.1s');
    expect(await fixture.items(q)).toHaveLength(2);
    const update = (deadQueue: string) =>
      fixture.service.queues.update({
        ...{ queueName: q, namespace: '', leaseTimeout: '', expireTimeout: '', deadQueue },
        ...{ maxAttempts: 1, reference: '', requestedPartitions: 0 },
      });
    return { ...pairing, update };
  }

  test('go to another queue once the setting names one', async () => {
    const { fixture, q, update, deadTexts } = await stuck();
    const other = fresh('other');
    await fixture.create(other, {}, ['left']);
    await update(other);
    await fixture.settle();
    expect([await fixture.items(q), await fixture.payloads(other)]).toEqual([[], ['a', 'b']]);
    fixture.storage('right').heal(0);
    await fixture.advance('2m');
    expect(await deadTexts()).toEqual([]);
  });

  test('are deleted, and logged, when the setting is removed', async () => {
    const { fixture, q, update, deadTexts } = await stuck();
    await update('');
    await fixture.settle();
    expect(await fixture.items(q)).toEqual([]);
    expect(fixture.logged).toContainEqual({
      level: 'warn',
      message: 'deleted items that used up their attempts or time',
      fields: { queue: q, partition: 0, items: 2 },
    });
    fixture.storage('right').heal(0);
    await fixture.advance('2m');
    expect(await deadTexts()).toEqual([]);
  });

  test('do not move any more after an operator has cleared them', async () => {
    const { fixture, q, deadTexts } = await stuck();
    await fixture.service.queue.clear({ queueName: q, queue: true, scheduled: false, destructive: true });
    fixture.storage('right').heal(0);
    await fixture.advance('2m');
    expect([await fixture.items(q), await deadTexts()]).toEqual([[], []]);
  });

  test('are tried again after growing pauses, whatever number of sweeps run', async () => {
    const { fixture, q } = await stuck();
    await fixture.produce(q, ...'uvwxyz');
    const before = fixture.storage('right').count('prepareLetters');
    for (let n = 0; n < 6; n++) {
      await fixture.lease(q);
      await fixture.advance('100ms');
    }
    // Leases end for seven seconds, and each end is a sweep: 0.75 s, 1.1 s, 1.7 s and 2.5 s apart.
    await fixture.advance('6.4s');
    expect(fixture.storage('right').count('prepareLetters') - before).toBeLessThanOrEqual(4);
  });
});

describe.each(DRIVERS)('sweeps in several portions on %s', (driver) => {
  const texts = Array.from({ length: 35 }, (_, n) => `${n}`);

  test('more due items than one sweep handles return in the order of their schedules', async () => {
    const fixture = newFixture({ main: driver }, { limits: { sweepItems: 10 } });
    const q = fresh();
    await fixture.create(q);
    const spread = texts.map((text, n) => item(text, { enqueueAt: fixture.in(`${100 + ((n * 7) % 35)}ms`) }));
    await fixture.produce(q, ...spread);
    fixture.clock.set(fixture.in('1m'));
    await fixture.advance('1s');
    const inDueOrder = [...texts].sort((a, b) => ((Number(a) * 7) % 35) - ((Number(b) * 7) % 35));
    expect(await fixture.payloads(q)).toEqual(inDueOrder);
  });

  test('more expired and overdue items than one sweep handles all arrive, once', async () => {
    const fixture = newFixture({ main: driver }, { limits: { sweepItems: 10 } });
    const [dead, q] = [fresh('dead'), fresh()];
    await fixture.create(dead, { requestedPartitions: 2 });
    await fixture.create(q, { leaseTimeout: '10s', expireTimeout: '20s', deadQueue: dead, maxAttempts: 1 });
    await fixture.produce(q, ...texts);
    await fixture.lease(q, 15);
    fixture.clock.set(fixture.in('30s'));
    await fixture.advance('1s');
    expect(await fixture.items(q)).toEqual([]);
    const arrived = [...(await fixture.payloads(dead, 0)), ...(await fixture.payloads(dead, 1))];
    expect(arrived.sort()).toEqual([...texts].sort());
  });
});

describe.each(DRIVERS)('the rules for dead-letter queues on %s', (driver) => {
  const call = (queueName: string, deadQueue: string) => ({
    ...{ queueName, deadQueue, namespace: '', leaseTimeout: '1m', expireTimeout: '1h' },
    ...{ maxAttempts: 0, reference: '', requestedPartitions: 1 },
  });

  test('require that it exists, is another queue, and has none itself', async () => {
    const fixture = newFixture({ main: driver });
    const [a, b, c] = [fresh('a'), fresh('b'), fresh('c')];
    const { queues } = fixture.service;
    await expect(queues.create(call(a, a))).rejects.toThrow('dead_queue cannot reference itself');
    await expect(queues.create(call(a, b))).rejects.toThrow(
      `dead_queue does not exist; '${b}' was not found, create it first`,
    );
    await queues.create(call(b, ''));
    await queues.create(call(a, b));
    await expect(queues.create(call(c, a))).rejects.toThrow(
      `dead_queue is invalid; '${a}' already has its own dead_queue configured`,
    );
  });

  test('G20: refuse a chain or a cycle', async () => {
    const fixture = newFixture({ main: driver });
    const [a, b, c] = [fresh('a'), fresh('b'), fresh('c')];
    const { queues } = fixture.service;
    for (const name of [b, c]) await queues.create(call(name, ''));
    await queues.create(call(a, b));
    await expect(queues.update(call(b, c))).rejects.toMatchObject({ code: 'invalid' });
    await expect(queues.update(call(b, a))).rejects.toMatchObject({ code: 'invalid' });
    expect((await queues.info(b)).deadQueue).toBe('');
  });

  test('G20: refuse one of two concurrent changes that would make a chain together', async () => {
    const fixture = newFixture({ main: driver });
    const [a, b, c] = [fresh('a'), fresh('b'), fresh('c')];
    const { queues } = fixture.service;
    for (const name of [b, c]) await queues.create(call(name, ''));
    const both = await Promise.allSettled([queues.create(call(a, b)), queues.update(call(b, c))]);
    expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
  });

  test('prevent the deletion of a dead-letter queue while a queue that uses it is being created', async () => {
    const fixture = newFixture({ main: driver });
    const [a, b] = [fresh('a'), fresh('b')];
    const { queues } = fixture.service;
    await queues.create(call(b, ''));
    const both = await Promise.allSettled([queues.create(call(a, b)), queues.delete(b, false)]);
    expect(both.map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
    expect((await queues.info(b)).name).toBe(b);
  });
});

import { describe, expect, test } from 'vitest';
import { parseConfig } from '../../src/config/load.ts';
import { ConfiguredQueues } from '../../src/startup/configured-queues.ts';
import { DRIVERS, fresh, useWorlds, type World } from './support/world.ts';

const newWorld = useWorlds();

/** The queues of a configuration file, as the server hands them over. */
function configured(world: World, queues: readonly object[], storages = ['main']) {
  const config = parseConfig(
    JSON.stringify({
      'partition-storage': storages.map((name) => ({ name, driver: 'memory' })),
      queues: queues.map((queue) => ({ 'lease-timeout': '1m', 'expire-timeout': '1h', ...queue })),
    }),
  );
  const logger = { debug: ignore, info: ignore, warn: ignore, error: ignore };
  return new ConfiguredQueues({ clock: world.clock, logger, service: world.service }, config.queues);
}

const ignore = () => {};

describe.each(DRIVERS)('queues of the configuration file on %s', (driver) => {
  test('G29: each has its own partitions and all of its settings, and is listed', async () => {
    const world = newWorld({ main: driver });
    const [dead, a, b] = [fresh('dead'), fresh('a'), fresh('b')];
    const shared = { 'max-attempts': 1, 'dead-queue': dead, reference: 'from the file' };
    await configured(world, [{ name: a, ...shared }, { name: b }, { name: dead }]).create();
    await world.produce(a, 'of a');
    expect([await world.payloads(a), await world.payloads(b)]).toEqual([['of a'], []]);
    const info = await world.service.queues.info(a);
    expect(info).toMatchObject({
      ...{ namespace: '_system', maxAttempts: 1, deadQueue: dead, reference: 'from the file' },
      ...{ createdAt: world.clock.now(), requestedPartitions: 1 },
    });
    await world.lease(a);
    await world.advance('1m1s');
    expect(await world.payloads(dead)).toEqual(['of a']);
    const listed = await world.service.queues.list({ namespace: '', pivot: '', limit: 0 });
    expect(listed.map(({ name }) => name)).toEqual(expect.arrayContaining([a, b, dead]));
  });

  test('dead-letter queues may be listed in any order', async () => {
    const world = newWorld({ main: driver });
    const [dead, a, b] = [fresh('z-dead'), fresh('a'), fresh('b')];
    await configured(world, [
      { name: a, 'dead-queue': dead },
      { name: dead },
      { name: b, 'dead-queue': dead },
    ]).create();
    expect((await world.service.queues.info(b)).deadQueue).toBe(dead);
  });

  test('an explicit placement is honoured, whatever number of partitions is requested', async () => {
    const world = newWorld({ main: driver, other: 'memory' });
    const q = fresh();
    const partitions = ['other', 'main', 'other'].map((name, partition) => ({
      partition,
      'storage-name': name,
    }));
    await configured(world, [{ name: q, partitions }], ['main', 'other']).create();
    const info = await world.service.queues.info(q);
    expect(info.partitions.map(({ storageName }) => storageName)).toEqual(['other', 'main', 'other']);
    for (const text of 'abc') await world.produce(q, text);
    expect(await Promise.all([0, 1, 2].map((n) => world.payloads(q, n)))).toEqual([['a'], ['b'], ['c']]);
  });

  test('existing queues are left as they are', async () => {
    const world = newWorld({ main: driver });
    const q = fresh();
    await world.create(q, { leaseTimeout: '5s', reference: 'by hand' });
    await world.produce(q, 'kept');
    await configured(world, [{ name: q, reference: 'from the file', 'requested-partitions': 3 }]).create();
    expect(await world.service.queues.info(q)).toMatchObject({
      ...{ leaseTimeout: 5_000_000_000n, reference: 'by hand', requestedPartitions: 1 },
    });
    expect(await world.payloads(q)).toEqual(['kept']);
  });

  test.each([
    [
      { 'lease-timeout': '2h' },
      'lease timeout is too long; 2h0m0s cannot be greater than the expire timeout 1h0m0s',
    ],
    [{ 'max-attempts': -1 }, 'max attempts is invalid; cannot be negative number'],
    [{ 'requested-partitions': 0 }, 'partitions is invalid; cannot be less than 1'],
    [{ 'dead-queue': 'nowhere' }, "dead_queue does not exist; 'nowhere' was not found, create it first"],
    [{ name: 'a b' }, "queue name is invalid; 'a b' cannot contain whitespace"],
    [{ partitions: [] }, 'partitions is invalid; cannot be less than 1'],
  ])('G30: the invalid entry %j stops the start with its message', async (entry, text) => {
    const world = newWorld({ main: driver });
    const name = fresh('bad');
    const queues = configured(world, [{ name: fresh() }, { name, ...entry }]);
    await expect(queues.create()).rejects.toMatchObject({
      name: 'ConfiguredQueueError',
      message: expect.stringContaining(text),
    });
  });

  test('while storage is down the server starts without them, and creates them when it is back', async () => {
    const world = newWorld({ main: driver });
    const [dead, q] = [fresh('dead'), fresh()];
    world.storage().cutQueues();
    const queues = configured(world, [{ name: q, 'dead-queue': dead }, { name: dead }]);
    await queues.create();
    await world.advance('1m');
    world.storage().healQueues();
    await expect(world.service.queues.info(q)).rejects.toThrow('does not exist');
    await world.advance('5.1s');
    expect((await world.service.queues.info(q)).deadQueue).toBe(dead);
    expect(world.clock.msToNextTimer()).toBeUndefined();
  });

  test('a stop ends the attempts', async () => {
    const world = newWorld({ main: driver });
    const q = fresh();
    world.storage().cutQueues();
    const queues = configured(world, [{ name: q }]);
    await queues.create();
    queues.stop();
    expect(world.clock.pendingTimers).toBe(0);
  });

  test('a stop during an attempt ends the attempts too', async () => {
    const world = newWorld({ main: driver });
    const letGo = world.storage().holdQueues('get', 'before');
    world.storage().cutQueues();
    const queues = configured(world, [{ name: fresh() }]);
    const attempt = queues.create();
    await world.settle();
    queues.stop();
    letGo();
    await attempt;
    expect(world.clock.pendingTimers).toBe(0);
  });

  test('two servers that start at once on one storage create each queue once', async () => {
    const world = newWorld({ main: driver });
    const q = fresh();
    const entries = [{ name: q }, { name: fresh(), 'dead-queue': q }];
    const both = [configured(world, entries), configured(world, entries)];
    const outcomes = await Promise.allSettled(both.map((queues) => queues.create()));
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled']);
    await world.produce(q, 'a');
    expect(await world.payloads(q)).toEqual(['a']);
  });
});

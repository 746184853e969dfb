import { describe, expect, test } from 'vitest';
import { parseConfig } from '../../src/config/load.ts';
import { ConfiguredQueues } from '../../src/startup/configured-queues.ts';
import { DRIVERS, fresh, type ServiceFixture, useFixtures } from './support/service-fixture.ts';

const newFixture = useFixtures();

/** The queues of a configuration file, as the server passes them on. */
function configured(fixture: ServiceFixture, queues: readonly object[], storages = ['main']) {
  const config = parseConfig(
    JSON.stringify({
      'partition-storage': storages.map((name) => ({ name, driver: 'memory' })),
      queues: queues.map((queue) => ({ 'lease-timeout': '1m', 'expire-timeout': '1h', ...queue })),
    }),
  );
  const logger = { debug: ignore, info: ignore, warn: ignore, error: ignore };
  return new ConfiguredQueues({ clock: fixture.clock, logger, service: fixture.service }, config.queues);
}

const ignore = () => {};

describe.each(DRIVERS)('queues of the configuration file on %s', (driver) => {
  test('G29: each has its own partitions and all of its settings, and is listed', async () => {
    const fixture = newFixture({ main: driver });
    const [dead, a, b] = [fresh('dead'), fresh('a'), fresh('b')];
    const shared = { 'max-attempts': 1, 'dead-queue': dead, reference: 'from the file' };
    await configured(fixture, [{ name: a, ...shared }, { name: b }, { name: dead }]).create();
    await fixture.produce(a, 'of a');
    expect([await fixture.payloads(a), await fixture.payloads(b)]).toEqual([['of a'], []]);
    const info = await fixture.service.queues.info(a);
    expect(info).toMatchObject({
      ...{ namespace: '_system', maxAttempts: 1, deadQueue: dead, reference: 'from the file' },
      ...{ createdAt: fixture.clock.now(), requestedPartitions: 1 },
    });
    await fixture.lease(a);
    await fixture.advance('1m1s');
    expect(await fixture.payloads(dead)).toEqual(['of a']);
    const listed = await fixture.service.queues.list({ namespace: '', pivot: '', limit: 0 });
    expect(listed.map(({ name }) => name)).toEqual(expect.arrayContaining([a, b, dead]));
  });

  test('dead-letter queues may be listed in any order', async () => {
    const fixture = newFixture({ main: driver });
    const [dead, a, b] = [fresh('z-dead'), fresh('a'), fresh('b')];
    await configured(fixture, [
      { name: a, 'dead-queue': dead },
      { name: dead },
      { name: b, 'dead-queue': dead },
    ]).create();
    expect((await fixture.service.queues.info(b)).deadQueue).toBe(dead);
  });

  test('an explicit placement is used, whatever number of partitions is requested', async () => {
    const fixture = newFixture({ main: driver, other: 'memory' });
    const q = fresh();
    const partitions = ['other', 'main', 'other'].map((name, partition) => ({
      partition,
      'storage-name': name,
    }));
    await configured(fixture, [{ name: q, partitions }], ['main', 'other']).create();
    const info = await fixture.service.queues.info(q);
    expect(info.partitions.map(({ storageName }) => storageName)).toEqual(['other', 'main', 'other']);
    for (const text of 'abc') await fixture.produce(q, text);
    expect(await Promise.all([0, 1, 2].map((n) => fixture.payloads(q, n)))).toEqual([['a'], ['b'], ['c']]);
  });

  test('existing queues stay unchanged', async () => {
    const fixture = newFixture({ main: driver });
    const q = fresh();
    await fixture.create(q, { leaseTimeout: '5s', reference: 'by hand' });
    await fixture.produce(q, 'kept');
    await configured(fixture, [{ name: q, reference: 'from the file', 'requested-partitions': 3 }]).create();
    expect(await fixture.service.queues.info(q)).toMatchObject({
      ...{ leaseTimeout: 5_000_000_000n, reference: 'by hand', requestedPartitions: 1 },
    });
    expect(await fixture.payloads(q)).toEqual(['kept']);
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
  ])('G30: the invalid entry %j prevents the start with its message', async (entry, text) => {
    const fixture = newFixture({ main: driver });
    const name = fresh('bad');
    const queues = configured(fixture, [{ name: fresh() }, { name, ...entry }]);
    await expect(queues.create()).rejects.toMatchObject({
      name: 'ConfiguredQueueError',
      message: expect.stringContaining(text),
    });
  });

  test('while storage is down the server starts without them, and creates them when it is back', async () => {
    const fixture = newFixture({ main: driver });
    const [dead, q] = [fresh('dead'), fresh()];
    fixture.storage().cutQueues();
    const queues = configured(fixture, [{ name: q, 'dead-queue': dead }, { name: dead }]);
    await queues.create();
    await fixture.advance('1m');
    fixture.storage().healQueues();
    await expect(fixture.service.queues.info(q)).rejects.toThrow('does not exist');
    await fixture.advance('5.1s');
    expect((await fixture.service.queues.info(q)).deadQueue).toBe(dead);
    expect(fixture.clock.msToNextTimer()).toBeUndefined();
  });

  test('a stop ends the attempts to create queues', async () => {
    const fixture = newFixture({ main: driver });
    const q = fresh();
    fixture.storage().cutQueues();
    const queues = configured(fixture, [{ name: q }]);
    await queues.create();
    queues.stop();
    expect(fixture.clock.pendingTimers).toBe(0);
  });

  test('a stop during an attempt ends the attempts too', async () => {
    const fixture = newFixture({ main: driver });
    const release = fixture.storage().holdQueues('get', 'before');
    fixture.storage().cutQueues();
    const queues = configured(fixture, [{ name: fresh() }]);
    const attempt = queues.create();
    await fixture.settle();
    queues.stop();
    release();
    await attempt;
    expect(fixture.clock.pendingTimers).toBe(0);
  });

  test('two servers that start at once on one storage create each queue once', async () => {
    const fixture = newFixture({ main: driver });
    const q = fresh();
    const entries = [{ name: q }, { name: fresh(), 'dead-queue': q }];
    const both = [configured(fixture, entries), configured(fixture, entries)];
    const outcomes = await Promise.allSettled(both.map((queues) => queues.create()));
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled']);
    await fixture.produce(q, 'a');
    expect(await fixture.payloads(q)).toEqual(['a']);
  });
});

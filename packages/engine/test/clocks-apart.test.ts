import { addDuration, milliseconds } from '@querator/core';
import { ManualClock, SeededRandom } from '@querator/core/testing';
import { memoryBackend } from '@querator/storage-memory';
import { beforeEach, describe, expect, test } from 'vitest';
import { item, watch } from './support/harness.ts';
import { Process } from './support/process.ts';

/** Storage judges deadlines by its own clock, whatever the clock of the server shows. */
describe.each([
  ['behind the storage', 30_000],
  ['ahead of the storage', -30_000],
])('a server whose clock is 30 s %s', (_, storageAheadMs) => {
  let storageTime: ManualClock;
  let server: Process;

  beforeEach(async () => {
    storageTime = new ManualClock();
    server = new Process(memoryBackend({ name: 'mem', clock: storageTime, random: new SeededRandom() }), 1);
    storageTime.set(addDuration(storageTime.now(), milliseconds(storageAheadMs)));
    await server.create('q');
  });

  const inStorageTime = (ms: number) => addDuration(storageTime.now(), milliseconds(ms));

  /** Advances both clocks in small steps, so that timers of one see the time of the other. */
  async function pass(ms: number) {
    for (let passed = 0; passed < ms; passed += 10) {
      await storageTime.advance('10ms');
      await server.clock.advance('10ms');
    }
  }

  const produceFor = (enqueueAt: ReturnType<typeof inStorageTime>) =>
    server.service.queue.produce({
      queueName: 'q',
      requestTimeout: '1m',
      items: [item('later', { enqueueAt })],
    });

  test('offers a scheduled item on time', async () => {
    await produceFor(inStorageTime(1_000));
    const leased = watch(server.lease('q'));
    await pass(990);
    expect(leased.state).toBe('pending');
    await pass(30);
    expect(leased.state).toBe('fulfilled');
  });

  test('offers the earliest allowed schedule on time', async () => {
    await produceFor(inStorageTime(100));
    const leased = watch(server.lease('q'));
    await pass(130);
    expect(leased.state).toBe('fulfilled');
  });

  test('offers an item on time that was retried for later', async () => {
    await server.produce('q', 'again');
    const { partition, items } = await server.lease('q');
    const [{ id }] = items as [(typeof items)[number]];
    const retryAt = inStorageTime(5_000);
    await server.service.queue.retry({ queueName: 'q', partition, items: [{ id, retryAt, dead: false }] });
    const leased = watch(server.lease('q'));
    await pass(4_990);
    expect(leased.state).toBe('pending');
    await pass(30);
    expect(leased.state).toBe('fulfilled');
  });

  test('reads the storage clock once for many statements that schedule items', async () => {
    await server.produce('q', 'taken up');
    await pass(100);
    const before = server.storage.count('sweep');
    for (let n = 0; n < 20; n++) await produceFor(inStorageTime(3_600_000));
    await pass(100);
    expect(server.storage.count('sweep') - before).toBe(1);
  });
});

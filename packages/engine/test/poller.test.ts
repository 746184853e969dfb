import { addDuration, milliseconds, type StorageBackend } from '@querator/core';
import { ManualClock, SeededRandom } from '@querator/core/testing';
import { memoryBackend } from '@querator/storage-memory';
import { expect, test } from 'vitest';
import { Poller } from '../src/polling/poller.ts';
import { engineDeps } from '../src/service/engine-options.ts';

test('a process that was suspended during a poll polls again soon', async () => {
  const clock = new ManualClock();
  const random = new SeededRandom();
  const { promise: goneOn, resolve: goOn } = Promise.withResolvers<void>();
  let polls = 0;
  const poll: NonNullable<StorageBackend['poll']> = async (keys, { deadlines }) => {
    if (!deadlines) polls++;
    await goneOn;
    return keys.map(() => ({ waiting: true, nextDueMs: undefined }));
  };
  const backend = Object.assign(memoryBackend({ name: 'mem', clock, random }), { poll });
  const poller = new Poller(engineDeps({ clock, random }), backend);
  poller.add({
    key: { queue: 'q', partition: 0 },
    isHealthy: () => true,
    hasConsumers: () => true,
    onItems: () => {},
    onDue: () => {},
  });
  await clock.advance('2s');
  expect(polls).toBe(1);
  clock.set(addDuration(clock.now(), milliseconds(3_600_000)));
  goOn();
  await clock.advance('2m');
  expect(polls).toBeGreaterThan(1);
  await poller.stop();
});

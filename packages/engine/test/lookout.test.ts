import { addDuration, milliseconds, type StorageBackend } from '@querator/core';
import { ManualClock, SeededRandom } from '@querator/core/testing';
import { memoryBackend } from '@querator/storage-memory';
import { expect, test } from 'vitest';
import { engineDeps } from '../src/engine-options.ts';
import { Lookout } from '../src/polling/poller.ts';

test('a process that slept over a look at items looks again soon', async () => {
  const clock = new ManualClock();
  const random = new SeededRandom();
  const { promise: goneOn, resolve: goOn } = Promise.withResolvers<void>();
  let looks = 0;
  const poll: NonNullable<StorageBackend['poll']> = async (keys, { deadlines }) => {
    if (!deadlines) looks++;
    await goneOn;
    return keys.map(() => ({ waiting: true, nextDueMs: undefined }));
  };
  const backend = Object.assign(memoryBackend({ name: 'mem', clock, random }), { poll });
  const lookout = new Lookout(engineDeps({ clock, random }), backend);
  lookout.watch({
    key: { queue: 'q', partition: 0 },
    isHealthy: () => true,
    isHungry: () => true,
    onItems: () => {},
    onDue: () => {},
  });
  await clock.advance('2s');
  expect(looks).toBe(1);
  clock.set(addDuration(clock.now(), milliseconds(3_600_000)));
  goOn();
  await clock.advance('2m');
  expect(looks).toBeGreaterThan(1);
  await lookout.stop();
});

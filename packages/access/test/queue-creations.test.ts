import { StorageError } from '@querator/core';
import { ManualClock } from '@querator/core/testing';
import { expect, test } from 'vitest';
import { Meter } from '../src/quotas/meter.ts';
import { QueueCreations } from '../src/quotas/queue-creations.ts';

test('creations wait for earlier ones of their namespace for a limited time', async () => {
  const clock = new ManualClock();
  const counts: (() => void)[] = [];
  const down = new StorageError('is down', { outcome: 'not-applied' });
  const creations = new QueueCreations(
    () => new Promise((_, reject) => counts.push(() => reject(down))),
    clock,
  );
  const meter = new Meter({ kind: 'namespace', name: 'n' }, 0);
  meter.setLimits({ queues: 1 }, { version: 1, processes: 1, nowMs: 0 });
  const meters = [meter];
  const create = (namespace: string) =>
    creations
      .run(namespace, { meters, queues: 1, partitions: 1, store: async () => 'stored' })
      .catch((error: unknown) => error);
  const answers = [create('n'), create('n'), create('n'), create('other')];
  await clock.advance('10s');
  // Only the first of each namespace has asked the storage.
  expect(counts).toHaveLength(2);
  for (const waiting of answers.slice(1, 3)) expect(await waiting).toMatchObject({ code: 'retry' });
  for (const fail of counts.splice(0)) fail();
  expect(await answers[0]).toBe(down);
  const next = create('n');
  await clock.advance('0');
  expect(counts).toHaveLength(1);
  counts[0]?.();
  expect(await next).toBe(down);
  expect(clock.pendingTimers).toBe(0);
});

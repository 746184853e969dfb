import { type Instant, QueueError } from '@querator/core';
import { expect, test } from 'vitest';
import { Harness, queueCall } from './support/harness.ts';

test('settings are changed only if the queue is as the caller has read it', async () => {
  const harness = new Harness();
  const { queues } = harness.service;
  await harness.create('q');
  const { updatedAt } = await queues.info('q');
  await harness.clock.advance('1us');
  const first = await queues.update({ ...queueCall('q', { maxAttempts: 3 }), ifUpdatedAt: updatedAt });
  expect(first.updatedAt).not.toBe(updatedAt);
  await harness.clock.advance('1us');
  const second = queues.update({ ...queueCall('q', { reference: 'second' }), ifUpdatedAt: updatedAt });
  await expect(second).rejects.toThrow(QueueError);
  await expect(second).rejects.toMatchObject({
    code: 'invalid',
    reason: 'changed',
    message: "queue has changed; 'q' is not as it was at 'if_updated_at'",
  });
  expect(await queues.info('q')).toEqual(first);
  await expect(queues.update({ ...queueCall('q'), ifUpdatedAt: 1n as Instant })).rejects.toThrow('changed');
  await queues.update({ ...queueCall('q', { reference: 'second' }), ifUpdatedAt: first.updatedAt });
  expect(await queues.info('q')).toMatchObject({ reference: 'second' });
});

test('of two changes at the same moment one is refused', async () => {
  const harness = new Harness();
  const { queues } = harness.service;
  await harness.create('q');
  const { updatedAt } = await queues.info('q');
  await harness.clock.advance('1us');
  const changes = ['a', 'b'].map((reference) =>
    queues.update({ ...queueCall('q', { reference }), ifUpdatedAt: updatedAt }),
  );
  const outcomes = await Promise.allSettled(changes);
  expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
});

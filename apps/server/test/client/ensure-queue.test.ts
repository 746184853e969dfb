import { createClient, ensureQueue, QueueDiffersError } from '@querator/client';
import { describe, expect, test } from 'vitest';
import { STORAGES, useServer } from '../support/test-server.ts';

describe.each(STORAGES)('ensureQueue on %s', (storage) => {
  const server = useServer(storage);
  const client = () => createClient({ endpoint: server.url });
  const info = (queueName: string) => client().queues.info({ queueName });

  test('creates a queue with defaults, and finds it again', async () => {
    expect(await ensureQueue(client(), { queue: 'plain' })).toBe('created');
    expect(await info('plain')).toMatchObject({
      leaseTimeout: '1m0s',
      expireTimeout: '336h0m0s',
      maxAttempts: 0,
      deadQueue: '',
      requestedPartitions: 1,
      namespace: '_system',
    });
    expect(await ensureQueue(client(), { queue: 'plain' })).toBe('unchanged');
    expect(await ensureQueue(client(), { queue: 'plain', leaseTimeout: 60_000, namespace: '_system' })).toBe(
      'unchanged',
    );
  });

  test('refuses a queue with other settings, and names them', async () => {
    await ensureQueue(client(), { queue: 'other', leaseTimeout: '30s', reference: 'first' });
    const wish = { queue: 'other', leaseTimeout: '2m', maxAttempts: 3 };
    const error = await ensureQueue(client(), wish).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(QueueDiffersError);
    expect(error).toMatchObject({
      settings: ['leaseTimeout', 'maxAttempts'],
      message:
        "queue 'other' has other settings: leaseTimeout is '30s' and should be '2m0s', maxAttempts is '0' and should be '3'; pass update: true to change it",
    });
  });

  test('changes the settings if it is told to, and keeps what the wish leaves out', async () => {
    await ensureQueue(client(), { queue: 'dead' });
    await ensureQueue(client(), { queue: 'changed', reference: 'kept', maxAttempts: 5, deadQueue: 'dead' });
    const wish = { queue: 'changed', leaseTimeout: '2m' };
    expect(await ensureQueue(client(), wish, { update: true })).toBe('updated');
    expect(await info('changed')).toMatchObject({
      leaseTimeout: '2m0s',
      reference: 'kept',
      maxAttempts: 5,
      deadQueue: 'dead',
      requestedPartitions: 1,
    });
    expect(await ensureQueue(client(), wish)).toBe('unchanged');
  });

  test('leaves the number of partitions as it is, as after a resize', async () => {
    await ensureQueue(client(), { queue: 'wide', partitions: 1 });
    const { id } = await client().v2.queues.resize({ queueName: 'wide', partitions: 2 });
    await expect.poll(async () => (await client().v2.tasks.get({ id })).state).toBe('done');
    expect(await ensureQueue(client(), { queue: 'wide', partitions: 1 })).toBe('unchanged');
    const wish = { queue: 'wide', partitions: 1, leaseTimeout: '2m' };
    expect(await ensureQueue(client(), wish, { update: true })).toBe('updated');
    expect(await info('wide')).toMatchObject({ requestedPartitions: 2, leaseTimeout: '2m0s' });
  });

  test('cannot change the namespace', async () => {
    await ensureQueue(client(), { queue: 'placed' });
    const wish = { queue: 'placed', namespace: 'elsewhere' };
    await expect(ensureQueue(client(), wish, { update: true })).rejects.toThrow(
      "namespace is '_system' and should be 'elsewhere'; an update cannot change that",
    );
  });

  test('may run in many programs at the same time', async () => {
    const outcomes = await Promise.all(
      Array.from({ length: 8 }, () => ensureQueue(client(), { queue: 'race', maxAttempts: 2 })),
    );
    expect(outcomes.filter((outcome) => outcome === 'created')).toHaveLength(1);
    expect(outcomes.filter((outcome) => outcome === 'unchanged')).toHaveLength(7);
  });

  test('reports what the server refuses', async () => {
    await expect(ensureQueue(client(), { queue: 'bad name' })).rejects.toThrow('queue name is invalid');
    await expect(ensureQueue(client(), { queue: 'q', leaseTimeout: 'soon' })).rejects.toThrow(TypeError);
    await expect(ensureQueue(client(), { queue: 'q', deadQueue: 'nosuch' })).rejects.toThrow('nosuch');
  });
});

import { AccessControl, TRUSTED_CALLER } from '@querator/access';
import { decorateStore, QUEUE_STORE, type StorageBackend } from '@querator/core';
import { ManualClock, SeededRandom } from '@querator/core/testing';
import { createService, type Service } from '@querator/engine';
import { memoryBackend } from '@querator/storage-memory';
import { PoolRegistry, postgresBackend } from '@querator/storage-postgres';
import { createTestDatabase, type TestDatabase } from '@querator/tooling-postgres';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { namespaceCheck } from '../../src/startup/server-access.ts';
import { STORAGES, type StorageName } from '../support/test-server.ts';

const NAMESPACE = { name: 'tenant', description: '', apiKeyTag: '' };
const QUEUE = {
  ...{ queueName: 'q', namespace: 'tenant', leaseTimeout: '1m', expireTimeout: '1h' },
  ...{ deadQueue: '', maxAttempts: 0, reference: '', requestedPartitions: 1 },
};
const GONE = { code: 'failed', message: "namespace does not exist; 'tenant' was not found" };

const clock = new ManualClock();
const random = new SeededRandom(1);
let database: TestDatabase | undefined;
/** Runs before and after a queue is stored. */
let around: { before?: () => Promise<unknown>; after?: () => Promise<unknown> };
let backend: StorageBackend;
let service: Service;
let access: AccessControl;

async function open(name: StorageName): Promise<StorageBackend> {
  if (name === 'memory') return memoryBackend({ name, clock, random });
  database = await createTestDatabase();
  const { connectionString } = database;
  return postgresBackend({ name, connectionString, random, registry: new PoolRegistry(), maxConns: 3 });
}

describe.each(STORAGES)('a queue and its namespace on %s', (name) => {
  beforeEach(async () => {
    backend = await open(name);
    around = {};
    const store = backend.accessStore?.();
    const hasNamespace = namespaceCheck(backend);
    if (store === undefined) throw new Error('the backend keeps no namespaces');
    const queueStore = decorateStore(QUEUE_STORE, backend.queueStore(), (member, call) => async (...args) => {
      if (member !== 'create') return call(...args);
      await around.before?.();
      const stored: unknown = await call(...args);
      await around.after?.();
      return stored;
    });
    service = createService({
      clock,
      random,
      queueStore,
      storages: [{ backend, affinity: 1 }],
      hasNamespace,
    });
    access = new AccessControl({ store, clock, random, monotonicMs: () => 0, enforced: false });
    await access.service.namespaces.create(NAMESPACE, TRUSTED_CALLER);
  });
  afterEach(async () => {
    await service.shutdown();
    await access.stop();
    await backend.close();
    await database?.drop();
    database = undefined;
  });

  const deleteNamespace = () => access.service.namespaces.delete('tenant', TRUSTED_CALLER);

  test('a queue is not created if its namespace is deleted after the first check', async () => {
    around.before = deleteNamespace;
    await expect(service.queues.create(QUEUE)).rejects.toMatchObject(GONE);
    await expect(service.queues.info('q')).rejects.toMatchObject({ reason: 'no_such_queue' });
  });

  test('a namespace is not deleted once a queue is stored, before its create is answered', async () => {
    const message = "namespace has queues; 'tenant' has queues, delete queues first";
    around.after = () => expect(deleteNamespace()).rejects.toMatchObject({ message });
    await service.queues.create(QUEUE);
    expect(await service.queues.info('q')).toMatchObject({ namespace: 'tenant' });
  });

  test('a queue of the administrative namespace needs no record of it', async () => {
    await service.queues.create({ ...QUEUE, namespace: '' });
    expect(await service.queues.info('q')).toMatchObject({ namespace: '_system' });
  });
});

import { describe, expect, test } from 'vitest';
import { STORAGES, useServer } from '../support/test-server.ts';
import { ADMIN_KEY, clientWith, ENFORCED, fresh, newQueue, newTenant } from './support/access-server.ts';

describe.each(STORAGES)('who may do what with tasks on %s', { timeout: 60_000 }, (storage) => {
  const server = useServer(storage, ENFORCED);

  const denied = { code: 'forbidden', message: 'access denied' };

  test('only those with its permissions create, see and cancel a task', async () => {
    const admin = clientWith(server, ADMIN_KEY).v2.tasks;
    const owner = await newTenant(server, ['queue.clear', 'queue.stats']);
    const reader = await newTenant(server, ['queue.stats']);
    const writer = await newTenant(server, ['queue.clear']);
    const queueName = await newQueue(server, owner.namespace);
    const of = ({ key }: { key: string }) => clientWith(server, key).v2.tasks;
    const request = { kind: 'delete', queueName, dryRun: true };
    await expect(of(reader).create(request)).rejects.toMatchObject(denied);
    await expect(of(writer).create(request)).rejects.toMatchObject(denied);
    // To them there is no difference between a queue of others and none.
    await expect(of(writer).create({ ...request, queueName: fresh('queue') })).rejects.toMatchObject(denied);
    const { id, namespace, createdBy } = await of(owner).create(request);
    expect(namespace).toBe(owner.namespace);
    expect(createdBy).not.toBe('anonymous');
    expect(await of(owner).get({ id })).toMatchObject({ id });
    expect((await of(owner).list({})).items).toMatchObject([{ id }]);
    expect((await of(owner).list({ namespace })).items).toMatchObject([{ id }]);
    expect((await admin.list({ namespace })).items).toMatchObject([{ id }]);
    expect((await admin.list({ queueName })).items).toMatchObject([{ id }]);
    for (const other of [reader, writer]) {
      await expect(of(other).get({ id })).rejects.toMatchObject(denied);
      await expect(of(other).cancel({ id })).rejects.toMatchObject(denied);
      await expect(of(other).get({ id: 'none' })).rejects.toMatchObject(denied);
      await expect(of(other).list({ namespace })).rejects.toMatchObject(denied);
      expect((await of(other).list({})).items).toEqual([]);
    }
    expect(await of(owner).cancel({ id })).toMatchObject({ id });
  });

  test('who sees a task may not cancel it without the permission', async () => {
    const viewer = await newTenant(server, ['queue.stats']);
    const queueName = await newQueue(server, viewer.namespace);
    const admin = clientWith(server, ADMIN_KEY).v2.tasks;
    const { id } = await admin.create({ kind: 'delete', queueName, dryRun: true });
    const { get, cancel } = clientWith(server, viewer.key).v2.tasks;
    expect(await get({ id })).toMatchObject({ id });
    await expect(cancel({ id })).rejects.toMatchObject(denied);
  });

  test('a task is shown with its filter and target, but for what its viewer may not know', async () => {
    const admin = clientWith(server, ADMIN_KEY).v2.tasks;
    const to = await newQueue(server, (await newTenant(server, ['queue.stats'])).namespace);
    const filter = { ids: ['an-id'], firstId: 'another-id', kind: 'order' };
    const shown = { ...filter, ids: [], firstId: '' };
    for (const mayComplete of [true, false]) {
      const permissions = ['queue.stats', ...(mayComplete ? ['queue.complete'] : [])];
      const { key, namespace } = await newTenant(server, permissions);
      const queueName = await newQueue(server, namespace);
      const { id } = await admin.create({ kind: 'move', queueName, to, filter, dryRun: true });
      expect(await admin.get({ id })).toMatchObject({ filter, to });
      const { get, list } = clientWith(server, key).v2.tasks;
      const seen = { filter: mayComplete ? filter : shown, to: '' };
      expect(await get({ id })).toMatchObject(seen);
      expect((await list({})).items).toMatchObject([seen]);
    }
  });

  test('items go to another namespace only if the caller may produce there', async () => {
    const clears = await newTenant(server, ['queue.clear', 'queue.stats']);
    const both = await newTenant(server, ['queue.clear', 'queue.stats', 'queue.produce']);
    const abroad = await newQueue(server, (await newTenant(server, ['queue.stats'])).namespace);
    for (const kind of ['redrive', 'move']) {
      for (const { key, namespace } of [clears, both]) {
        const { create } = clientWith(server, key).v2.tasks;
        const queueName = await newQueue(server, namespace);
        const request = { kind, queueName, dryRun: true };
        await expect(create({ ...request, to: abroad })).rejects.toMatchObject(denied);
        // To them there is no difference between a queue of others and none.
        await expect(create({ ...request, to: fresh('queue') })).rejects.toMatchObject(denied);
        const at = create({ ...request, to: await newQueue(server, namespace) });
        if (key === clears.key) await expect(at).rejects.toMatchObject(denied);
        else expect(await at).toMatchObject({ kind, namespace });
        if (kind === 'move') continue;
        const home = create(request);
        if (key === clears.key) await expect(home).rejects.toMatchObject(denied);
        else expect(await home).toMatchObject({ kind, namespace });
        const admin = clientWith(server, ADMIN_KEY).v2.tasks;
        expect(await admin.create({ ...request, to: abroad })).toMatchObject({ kind, namespace });
      }
    }
  });

  test('a partition moves only for those who may update queues in the system namespace', async () => {
    const owner = await newTenant(server, ['queue.update', 'queue.clear', 'queue.stats']);
    const queueName = await newQueue(server, owner.namespace);
    const request = { kind: 'move_partition', queueName, storageName: 'none' };
    const { create } = clientWith(server, owner.key).v2.tasks;
    await expect(create(request)).rejects.toMatchObject(denied);
    await expect(create({ ...request, queueName: fresh('queue') })).rejects.toMatchObject(denied);
    const admin = clientWith(server, ADMIN_KEY).v2.tasks;
    await expect(admin.create(request)).rejects.toMatchObject({
      message: "storage_name is invalid; no such storage 'none'",
    });
  });

  test.each([
    { kind: 'drain', storageName: 'store-0' },
    { kind: 'drain', storageName: 'none' },
    { kind: 'rebalance' },
  ])('$kind is only for those who may update queues in the system namespace', async (request) => {
    const owner = await newTenant(server, ['queue.update', 'queue.clear', 'queue.stats']);
    const { v2 } = clientWith(server, owner.key);
    await expect(v2.tasks.create({ ...request, dryRun: true })).rejects.toMatchObject(denied);
  });

  test('a queue is resized only by those who may update it', async () => {
    const owner = await newTenant(server, ['queue.update', 'queue.stats']);
    const other = await newTenant(server, ['queue.clear', 'queue.produce', 'queue.stats']);
    const request = { kind: 'resize', partitions: 2, dryRun: true };
    const mine = await newQueue(server, owner.namespace);
    const task = await clientWith(server, owner.key).v2.tasks.create({ ...request, queueName: mine });
    expect(task).toMatchObject({ kind: 'resize', namespace: owner.namespace });
    const { create } = clientWith(server, other.key).v2.tasks;
    for (const queueName of [await newQueue(server, other.namespace), mine, fresh('queue')]) {
      await expect(create({ ...request, queueName })).rejects.toMatchObject(denied);
    }
  });
});

import type { AccessStore, AccessTransaction } from '@querator/core';
import { describe, expect } from 'vitest';
import { adding, newNamespace } from '../fixture/access-content.ts';
import type { Fixture } from '../fixture/fixture.ts';
import { newQueue } from '../fixture/new-queue.ts';
import type { StorageTest } from '../fixture/storage-test.ts';

const CHECKED = { namespaceMustExist: true };

/** Adds a namespace. @returns its name. */
async function addNamespace(fixture: Fixture, store: AccessStore): Promise<string> {
  const namespace = newNamespace(fixture.name());
  await store.change(adding({ namespaces: [namespace] }));
  return namespace.name;
}

/** Removes a namespace unless it has queues, as a service does. @returns whether it was removed. */
const removing = (name: string) => async (transaction: AccessTransaction) =>
  !(await transaction.namespaceHasQueues(name)) && (await transaction.removeNamespace(name));

/** What `QueueStore.create` and `AccessTransaction` promise about queues and their namespaces. */
export function describeQueueNamespaces(test: StorageTest): void {
  describe('queues and their namespaces', () => {
    // "adds the queue only if its namespace exists in the backend's accessStore"
    test.ofAccess('a queue is added only to a namespace that exists, if it must', async (fixture, store) => {
      const namespace = fixture.name();
      const queue = newQueue(fixture.name(), { namespace });
      await expect(fixture.queues.create(queue, undefined, undefined, CHECKED)).rejects.toMatchObject({
        code: 'failed',
        message: `namespace does not exist; '${namespace}' was not found`,
      });
      expect(await fixture.queues.get(queue.name)).toBeUndefined();
      await store.change(adding({ namespaces: [newNamespace(namespace)] }));
      await fixture.queues.create(queue, undefined, undefined, CHECKED);
      expect(await fixture.queues.get(queue.name)).toMatchObject({ namespace });
    });

    test.ofAccess('a queue is added to any namespace otherwise', async (fixture) => {
      const queue = newQueue(fixture.name(), { namespace: fixture.name() });
      expect(await fixture.queues.create(queue)).toMatchObject({ namespace: queue.namespace });
    });

    // "Whether a namespace has queues"
    test.ofAccess('a transaction finds out whether a namespace has queues', async (fixture, store) => {
      const namespace = await addNamespace(fixture, store);
      const hasQueues = () => store.change((transaction) => transaction.namespaceHasQueues(namespace));
      expect(await hasQueues()).toBe(false);
      const { name } = await fixture.queues.create(newQueue(fixture.name(), { namespace }));
      expect(await hasQueues()).toBe(true);
      await fixture.queues.delete(name);
      expect(await hasQueues()).toBe(false);
    });

    test.ofAccess(
      'a namespace without queues stays so until the transaction ends',
      async (fixture, store) => {
        const namespace = await addNamespace(fixture, store);
        const queue = newQueue(fixture.name(), { namespace });
        const other = fixture.backend.capabilities.shared
          ? (await fixture.open()).queueStore()
          : fixture.queues;
        let created: Promise<unknown> | undefined;
        const removed = await store.change(async (transaction) => {
          const hasQueues = await transaction.namespaceHasQueues(namespace);
          created ??= other.create(queue, undefined, undefined, CHECKED).catch((error: unknown) => error);
          return !hasQueues && (await transaction.removeNamespace(namespace));
        });
        expect(removed).toBe(true);
        expect(await created).toMatchObject({ code: 'failed' });
        expect(await fixture.queues.get(queue.name)).toBeUndefined();
      },
    );

    test.ofAccess('a transaction that begins while a queue is added finds it', async (fixture, store) => {
      const namespace = await addNamespace(fixture, store);
      const other = fixture.backend.capabilities.shared ? await fixture.otherAccess() : store;
      const { name: deadQueue } = await fixture.queues.create(newQueue(fixture.name(), { namespace: 'x' }));
      let removed: Promise<boolean> | undefined;
      const check = () => {
        removed ??= other.change(removing(namespace));
      };
      await fixture.queues.create(
        newQueue(fixture.name(), { namespace, deadQueue }),
        check,
        undefined,
        CHECKED,
      );
      expect(await removed).toBe(false);
      expect(await store.namespace(namespace)).toBeDefined();
    });

    test.ofAccess('no queue is left in a namespace that is gone', async (fixture, store) => {
      for (let round = 0; round < 5; round++) {
        const namespace = await addNamespace(fixture, store);
        const queue = newQueue(fixture.name(), { namespace });
        const [created, removed] = await Promise.all([
          fixture.queues.create(queue, undefined, undefined, CHECKED).then(
            () => true,
            () => false,
          ),
          store.change(removing(namespace)),
        ]);
        expect([created, removed]).toEqual([!removed, !created]);
      }
    });
  });
}

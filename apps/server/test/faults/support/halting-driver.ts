import {
  decorateStore,
  MOVE_STORE,
  type MoveStore,
  QUEUE_STORE,
  type QueueStore,
  type StorageBackend,
  type StorageDriver,
} from '@querator/core';
import { driver as postgres } from '@querator/storage-postgres';

/** A storage call of a move: one of `MoveStore`, or the `place` of the queue's record. */
export interface MoveCall {
  readonly name: keyof MoveStore | 'place';
  readonly args: readonly unknown[];
}

/** Lets a test act just before a storage call of a move. */
export interface MoveHook {
  before: (call: MoveCall) => Promise<void>;
}

/** The driver for PostgreSQL under the name `halting`. It asks a test before each call of a move. */
export function haltingDriver(hook: MoveHook): StorageDriver {
  const create: (typeof postgres)['create'] = (options, deps) =>
    halting(postgres.create(options, deps), hook);
  return { ...postgres, name: 'halting', create } as StorageDriver;
}

function halting(backend: StorageBackend, hook: MoveHook): StorageBackend {
  const moveStore: StorageBackend['moveStore'] = (key, owner) => {
    const moves = backend.moveStore?.(key, owner) as MoveStore;
    return decorateStore(MOVE_STORE, moves, (name, call) => async (...args) => {
      await hook.before({ name, args });
      return call(...args);
    });
  };
  const queueStore = (): QueueStore =>
    decorateStore(QUEUE_STORE, backend.queueStore(), (name, call) => async (...args) => {
      if (name === 'place') await hook.before({ name, args });
      return call(...args);
    });
  const members: Partial<StorageBackend> = { moveStore, queueStore };
  // The backend is an object with private fields, so its methods have to run on itself.
  return new Proxy(backend, {
    get(target, member) {
      const own = members[member as keyof StorageBackend];
      if (own !== undefined) return own;
      const value: unknown = Reflect.get(target, member, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

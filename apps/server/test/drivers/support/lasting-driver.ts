import {
  claimsWithin,
  type GivenOptions,
  SharedResources,
  type StorageBackend,
  type StorageDriver,
} from '@querator/core';
import { MEMORY_CAPABILITIES, memoryBackend } from '@querator/storage-memory';

/** What outlives the backends of this driver: their contents by place, until the process ends. */
const places = new Map<string, StorageBackend>();

/** A driver whose storages keep their contents in this process after they are closed, as a database does. */
export const driver: StorageDriver<{ readonly place: string }> = {
  portVersion: 1,
  name: 'lasting',
  capabilities: { ...MEMORY_CAPABILITIES, durable: true },
  options: (given: GivenOptions) =>
    typeof given['place'] === 'string'
      ? { value: { place: given['place'] } }
      : { issues: [{ message: 'required, a name of a place', path: ['place'] }] },
  create: ({ place }, { name, clock, random, shared }) => {
    if (!(shared instanceof SharedResources)) throw new Error('nothing is shared');
    if (place.startsWith('refused')) throw new Error(`no such place: ${place}`);
    const kept = places.get(place) ?? memoryBackend({ name, clock, random });
    places.set(place, kept);
    const stores = {
      ...(kept.accessStore !== undefined && { accessStore: kept.accessStore.bind(kept) }),
      ...(kept.moveStore !== undefined && { moveStore: kept.moveStore.bind(kept) }),
    };
    return {
      ...{ ...stores, name, capabilities: claimsWithin(driver.capabilities, stores) },
      queueStore: () => kept.queueStore(),
      partitionStore: (key, owner) => kept.partitionStore(key, owner),
      ping: () => kept.ping(),
      measure: (keys) => kept.measure(keys),
      close: async () => {},
    };
  },
  tables: ({ place }) => ({
    list: async () => [
      {
        ...{ table: `table of ${place}`, state: 'no-queue', queue: 'mail', partition: 0 },
        ...{ createdAt: undefined, items: 3, more: false },
      },
    ],
    adopt: async () => ({ queue: 'mail', partition: 0, items: 3, renumbered: 0, wasOwn: false }),
    drop: async () => ({ queue: 'mail', items: 3 }),
    close: async () => {},
  }),
};

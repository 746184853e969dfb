import {
  addDuration,
  HEARTBEAT_INTERVAL,
  INSTANCE_RECORD_TIMEOUT,
  INSTANCE_TIMEOUT,
  type InstanceRecord,
  type InstanceStore,
  type InstanceView,
  milliseconds,
  toMilliseconds,
} from '@querator/core';
import { describe, expect } from 'vitest';
import type { Fixture } from '../fixture/fixture.ts';
import type { StorageTest } from '../fixture/storage-test.ts';

function record(id: string, more: Partial<InstanceRecord> = {}): InstanceRecord {
  return {
    id,
    name: 'a host/4711',
    version: '1.2.3',
    storages: [
      { name: 'store-0', driver: 'postgres' },
      { name: 'store-1', driver: 'postgres', affinity: 0, drain: true },
    ],
    capabilities: ['metadata', 'dedup'],
    ...more,
  };
}

/** What `InstanceStore` promises. */
export function describeInstanceRecords(test: StorageTest): void {
  /** The processes of this test: the storage may know others. */
  const among = ({ instances }: InstanceView, ids: readonly string[]) =>
    instances.filter(({ id }) => ids.includes(id)).map(({ id }) => id);
  const names = (fixture: Fixture, count: number) => Array.from({ length: count }, () => fixture.name());

  describe('instance store', () => {
    test.ofInstances('returns the own record with the times of the storage', async (fixture, store) => {
      const own = record(fixture.name(), { name: 'é "quoted" \\ \u{1f600}', storages: [], capabilities: [] });
      const startedAt = fixture.clock.now();
      const first = await store.beat(own);
      expect(first.now).toBe(startedAt);
      expect(first.instances).toContainEqual({ ...own, startedAt, heartbeatAt: startedAt });
      await fixture.clock.advance('5s');
      const heartbeatAt = fixture.clock.now();
      expect((await store.beat(own)).instances).toContainEqual({ ...own, startedAt, heartbeatAt });
    });

    test.ofInstances('takes over what has changed in a record', async (fixture, store) => {
      const own = record(fixture.name());
      await store.beat(own);
      const changed = { ...own, capabilities: ['other'], storages: [] };
      const { instances } = await store.beat(changed);
      expect(instances.filter(({ id }) => id === own.id)).toMatchObject([changed]);
    });

    // "In order of their start, then of their ids"
    test.ofInstances('returns processes in order of their start', async (fixture, store) => {
      const [a = '', b = '', c = ''] = names(fixture, 3);
      await store.beat(record(b));
      await store.beat(record(a));
      await fixture.clock.advance('1ms');
      await store.beat(record(c));
      await fixture.clock.advance('1ms');
      const view = await store.beat(record(b));
      expect(among(view, [a, b, c])).toEqual([a, b, c]);
      expect(view.unrecorded).toEqual([]);
    });

    test.ofInstances('no longer returns a process without a heartbeat for 20 s', async (fixture, store) => {
      const [stays = '', goes = ''] = names(fixture, 2);
      await store.beat(record(goes));
      await fixture.clock.advance(INSTANCE_TIMEOUT);
      expect(among(await store.beat(record(stays)), [stays, goes])).toEqual([goes, stays]);
      await fixture.clock.advance(milliseconds(1));
      expect(among(await store.beat(record(stays)), [stays, goes])).toEqual([stays]);
      // it was only suspended
      expect(among(await store.beat(record(goes)), [stays, goes])).toEqual([goes, stays]);
    });

    test.ofInstances('removes the record of a process that stops', async (fixture, store) => {
      const [stays = '', stops = ''] = names(fixture, 2);
      await store.beat(record(stops));
      await store.beat(record(stays));
      await store.remove(stops);
      await store.remove(stops);
      expect(among(await store.beat(record(stays)), [stays, stops])).toEqual([stays]);
    });

    // A record that was removed begins anew, which shows that it was.
    test.ofInstances('removes records of processes that are long gone', async (fixture, store) => {
      const [other = '', kept = '', removed = ''] = names(fixture, 3);
      const startedAt = fixture.clock.now();
      await store.beat(record(removed));
      await fixture.clock.advance(milliseconds(1));
      await store.beat(record(kept));
      await fixture.clock.advance(INSTANCE_RECORD_TIMEOUT);
      await store.beat(record(other));
      const startOf = async (id: string) =>
        (await store.beat(record(id))).instances.find((each) => each.id === id)?.startedAt;
      expect(await startOf(kept)).toBe(addDuration(startedAt, milliseconds(1)));
      expect(await startOf(removed)).toBe(fixture.clock.now());
    });

    test.ofInstances('keeps its own record after a long suspension', async (fixture, store) => {
      const own = record(fixture.name());
      await store.beat(own);
      await fixture.clock.advance(INSTANCE_RECORD_TIMEOUT);
      await fixture.clock.advance(HEARTBEAT_INTERVAL);
      expect(among(await store.beat(own), [own.id])).toEqual([own.id]);
    });

    test.ofInstances(
      'shows processes to each other',
      async (fixture, store) => {
        const other = await otherStore(fixture);
        const [here = '', there = ''] = names(fixture, 2);
        await store.beat(record(here));
        expect(among(await other.beat(record(there)), [here, there])).toEqual([here, there]);
        expect(among(await store.beat(record(here)), [here, there])).toEqual([here, there]);
        await other.remove(there);
        expect(among(await store.beat(record(here)), [here, there])).toEqual([here]);
      },
      'shared',
    );

    test.ofInstances(
      'serves many processes at the same time, also where records are old',
      async (fixture, store) => {
        const ids = names(fixture, 12);
        const stores = [store, await otherStore(fixture), await otherStore(fixture)];
        const beatAll = () =>
          Promise.all(ids.map((id, index) => (stores[index % 3] as InstanceStore).beat(record(id))));
        await beatAll();
        await fixture.clock.advance(milliseconds(toMilliseconds(INSTANCE_RECORD_TIMEOUT) + 1));
        await beatAll();
        expect(among(await store.beat(record(ids[0] ?? '')), ids)).toHaveLength(ids.length);
      },
      'shared',
    );
  });
}

/** The store of another process. */
async function otherStore(fixture: Fixture): Promise<InstanceStore> {
  const store = (await fixture.open()).instanceStore?.();
  if (store === undefined) throw new Error('one backend has an instance store, and the other has none');
  return store;
}

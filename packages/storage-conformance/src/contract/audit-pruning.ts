import { type AuditStore, parseDuration } from '@querator/core';
import { describe, expect } from 'vitest';
import { callsOf, eventsOf, FIRST, newEvent } from '../fixture/audit-content.ts';
import type { StorageTest } from '../fixture/storage-test.ts';

const KEEP = parseDuration('2160h');
/** A millisecond less. */
const ALMOST = '2159h59m59.999s';

/** Removes what other tests left. */
async function pruneAll(store: AuditStore, keep = KEEP): Promise<void> {
  while ((await store.prune(keep, 1_000)) > 0);
}

/** What `AuditStore.prune` promises. */
export function describeAuditPruning(test: StorageTest): void {
  describe('audit store: prune', () => {
    // "Removes events that are older than `keep` by the storage's clock"
    test.ofAudit('removes events past their time, and no others', async (fixture, store) => {
      const namespace = fixture.name();
      const [old, young] = [fixture.name(), fixture.name()];
      await store.append([newEvent(old, { namespace })]);
      await fixture.clock.advance('1ms');
      await store.append([newEvent(young, { namespace })]);
      await fixture.clock.advance(ALMOST);
      await pruneAll(store);
      expect(callsOf(await eventsOf(store, namespace))).toEqual([young, old]);
      await fixture.clock.advance('1ms');
      await pruneAll(store);
      expect(callsOf(await eventsOf(store, namespace))).toEqual([young]);
    });

    // "the oldest ones, at most `limit`", "the number of removed events"
    test.ofAudit('removes the oldest first, in parts', async (fixture, store) => {
      await fixture.clock.advance('4320h');
      await pruneAll(store);
      const namespace = fixture.name();
      const calls = [fixture.name(), fixture.name(), fixture.name()];
      for (const call of calls) {
        await store.append([newEvent(call, { namespace })]);
        await fixture.clock.advance('1ms');
      }
      await fixture.clock.advance(KEEP);
      expect(await store.prune(KEEP, 2)).toBe(2);
      expect(callsOf(await eventsOf(store, namespace))).toEqual(calls.slice(2));
      expect(await store.prune(KEEP, 2)).toBe(1);
      expect(await store.prune(KEEP, 2)).toBe(0);
    });

    test.ofAudit('does not disturb who reads the pages', async (fixture, store) => {
      await fixture.clock.advance('8640h');
      const namespace = fixture.name();
      const calls = [fixture.name(), fixture.name(), fixture.name()];
      for (const call of calls) {
        await store.append([newEvent(call, { namespace })]);
        await fixture.clock.advance('1ms');
      }
      const to = fixture.clock.now();
      const request = { namespace, from: FIRST, to, actor: undefined, actions: undefined };
      const first = await store.list({ ...request, after: undefined, limit: 1 });
      expect(callsOf(first.events)).toEqual([calls[2]]);
      await fixture.clock.advance(ALMOST);
      await pruneAll(store);
      const second = await store.list({ ...request, after: first.next, limit: 9 });
      expect(callsOf(second.events)).toEqual([]);
      expect(second.next).toBeUndefined();
    });

    // "Several processes may do so at once"
    test.ofAudit(
      'removes every event once, however many processes do so',
      async (fixture, store) => {
        await fixture.clock.advance('12960h');
        await pruneAll(store);
        const namespace = fixture.name();
        await store.append(Array.from({ length: 60 }, () => newEvent(fixture.name(), { namespace })));
        await fixture.clock.advance('2161h');
        const others = [await fixture.open(), await fixture.open()].map((backend) => backend.auditStore?.());
        const stores = [store, ...others].filter((each) => each !== undefined);
        let removed = 0;
        while ((await eventsOf(store, namespace)).length > 0) {
          const counts = await Promise.all(stores.map((each) => each.prune(KEEP, 15)));
          removed += counts.reduce((sum, count) => sum + count, 0);
        }
        expect(removed).toBe(60);
      },
      'shared',
    );
  });
}

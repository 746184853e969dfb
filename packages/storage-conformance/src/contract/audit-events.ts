import type { NewAuditEvent } from '@querator/core';
import { describe, expect } from 'vitest';
import { callsOf, eventsOf, FIRST, LAST, newEvent } from '../fixture/audit-content.ts';
import type { StorageTest } from '../fixture/storage-test.ts';

/** Texts that a driver could spoil: bytes, quotes, escapes, half a surrogate pair, other planes. */
const TEXTS = ['', ' ', '\0', '"', '\\', '\\u0041', "'", '\ud83d', 'ä', '\u{1F600}', '\u202e', '\n'];

/** What `AuditStore.append` and `AuditStore.list` promise. */
export function describeAuditEvents(test: StorageTest): void {
  describe('audit store: append and list', () => {
    // "Returns the same object each time"
    test.ofAudit('belongs to its backend', async (fixture, store) => {
      expect(fixture.backend.auditStore?.()).toBe(store);
    });

    // "with `at` by the storage's clock"
    test.ofAudit('keeps every field of an event, with the time of its storage', async (fixture, store) => {
      const namespace = fixture.name();
      const full = newEvent(fixture.name(), { namespace, code: 403, reason: 'access denied' });
      const bare: NewAuditEvent = {
        ...newEvent(fixture.name(), { namespace, outcome: 'begun', object: {}, changes: [] }),
        ...{ keyId: undefined, requestId: undefined, items: undefined },
      };
      await store.append([full]);
      const at = fixture.clock.now();
      await fixture.clock.advance('1ms');
      await store.append([bare]);
      expect(await eventsOf(store, namespace)).toEqual([
        { ...bare, at: fixture.clock.now() },
        { ...full, at },
      ]);
    });

    test.ofAudit('keeps zero items apart from an unknown number', async (fixture, store) => {
      const namespace = fixture.name();
      await store.append([newEvent(fixture.name(), { namespace, items: 0 })]);
      expect(await eventsOf(store, namespace)).toMatchObject([{ items: 0 }]);
    });

    // "Texts come back unchanged, whatever they contain"
    test.ofAudit('gives every text back unchanged', async (fixture, store) => {
      for (const text of TEXTS) {
        const namespace = `${fixture.name()}${text}`;
        const event = newEvent(fixture.name(), {
          ...{ namespace, action: text, userId: text, username: text, keyId: text, peer: text },
          ...{ requestId: text, reason: text, object: { [`of ${text}`]: text } },
          changes: [{ field: text, before: text, after: text }],
        });
        await store.append([event]);
        expect(await eventsOf(store, namespace, { actor: text, actions: [text] })).toMatchObject([event]);
      }
    });

    test.ofAudit('stores no events if there are none', async (fixture, store) => {
      await store.append([]);
      expect(await eventsOf(store, fixture.name())).toEqual([]);
    });

    // "Of the ends of one call only the first is stored, and of its begins"
    test.ofAudit('has one begin and one end of a call, the first of each', async (fixture, store) => {
      const [namespace, call] = [fixture.name(), fixture.name()];
      const event = (outcome: NewAuditEvent['outcome'], peer: string) =>
        newEvent(call, { namespace, outcome, peer });
      await store.append([event('ok', '1'), event('failed', '2')]);
      await store.append([event('failed', '3')]);
      await store.append([event('begun', '4')]);
      await store.append([event('begun', '5')]);
      expect((await eventsOf(store, namespace)).map(({ peer }) => peer).sort()).toEqual(['1', '4']);
    });

    // "The order of events is that of `at`, then of `callId` as bytes; of one call, the begin comes before the end"
    test.ofAudit(
      'lists the newest first, and events of one moment by their calls',
      async (fixture, store) => {
        const namespace = fixture.name();
        const [a, b, c] = [fixture.name(), fixture.name(), fixture.name()];
        await store.append([newEvent(c, { namespace })]);
        await fixture.clock.advance('1ms');
        const begun = newEvent(a, { namespace, outcome: 'begun' });
        await store.append([newEvent(b, { namespace }), newEvent(a, { namespace }), begun]);
        const events = await eventsOf(store, namespace);
        expect(events.map(({ callId, outcome }) => [callId, outcome])).toEqual([
          [b, 'ok'],
          [a, 'ok'],
          [a, 'begun'],
          [c, 'ok'],
        ]);
      },
    );

    // "Only events from then on", "Only events before"
    test.ofAudit('takes the beginning of a time in, and its end out', async (fixture, store) => {
      const namespace = fixture.name();
      const calls = [fixture.name(), fixture.name(), fixture.name()];
      const times = [];
      for (const call of calls) {
        times.push(fixture.clock.now());
        await store.append([newEvent(call, { namespace })]);
        await fixture.clock.advance('1ms');
      }
      const [, from = FIRST, to = LAST] = times;
      const all = { namespace, actor: undefined, actions: undefined, after: undefined, limit: 10 };
      expect(callsOf((await store.list({ ...all, from, to })).events)).toEqual([calls[1]]);
      expect(callsOf((await store.list({ ...all, from, to: LAST })).events)).toEqual([calls[2], calls[1]]);
      expect(callsOf((await store.list({ ...all, from: FIRST, to })).events)).toEqual([calls[1], calls[0]]);
      expect((await store.list({ ...all, from: to, to: from })).events).toEqual([]);
    });

    // "Only events of this namespace. Undefined: those of the whole server"
    test.ofAudit('shows the events of one namespace, or all', async (fixture, store) => {
      const [mine, other] = [fixture.name(), fixture.name()];
      const from = fixture.clock.now();
      const calls = [fixture.name(), fixture.name(), fixture.name()] as const;
      await store.append([
        newEvent(calls[0], { namespace: mine }),
        newEvent(calls[1], { namespace: other }),
        newEvent(calls[2], { namespace: '' }),
      ]);
      expect(callsOf(await eventsOf(store, mine))).toEqual([calls[0]]);
      const to = LAST;
      const every = {
        namespace: undefined,
        from,
        to,
        actor: undefined,
        actions: undefined,
        after: undefined,
      };
      const { events } = await store.list({ ...every, limit: 1_000 });
      expect(callsOf(events)).toEqual(expect.arrayContaining([...calls]));
    });

    // "Only events of the user with this id or name", "Only events of these calls"
    test.ofAudit('shows the events of one user, by id or name, and of some calls', async (fixture, store) => {
      const namespace = fixture.name();
      const [ann, bob] = [fixture.name(), fixture.name()];
      const [a, b, c] = [fixture.name(), fixture.name(), fixture.name()];
      await store.append([
        newEvent(a, { namespace, userId: ann, username: 'ann', action: 'queues.create' }),
        newEvent(b, { namespace, userId: bob, username: 'bob', action: 'queues.create' }),
        newEvent(c, { namespace, userId: ann, username: 'ann', action: 'queues.delete' }),
      ]);
      expect(callsOf(await eventsOf(store, namespace, { actor: ann }))).toEqual([c, a]);
      expect(callsOf(await eventsOf(store, namespace, { actor: 'ann' }))).toEqual([c, a]);
      expect(callsOf(await eventsOf(store, namespace, { actor: 'an' }))).toEqual([]);
      expect(callsOf(await eventsOf(store, namespace, { actions: ['queues.create'] }))).toEqual([b, a]);
      const calls = ['queues.delete', 'queues.none', 'queues.create'];
      expect(callsOf(await eventsOf(store, namespace, { actions: calls }))).toEqual([c, b, a]);
      expect(await eventsOf(store, namespace, { actions: [] })).toEqual([]);
      const both = { actor: 'ann', actions: ['queues.create'] };
      expect(callsOf(await eventsOf(store, namespace, both))).toEqual([a]);
    });

    // "The page begins after this place"
    test.ofAudit(
      'gives every event once in pages of any size, while others are added',
      async (fixture, store) => {
        const namespace = fixture.name();
        const calls = Array.from({ length: 7 }, () => fixture.name());
        for (const [index, call] of calls.entries()) {
          await store.append([
            newEvent(call, { namespace, outcome: 'begun' }),
            newEvent(call, { namespace }),
          ]);
          if (index % 3 === 0) await fixture.clock.advance('1ms');
        }
        const expected = calls.toReversed().flatMap((call) => [call, call]);
        for (const limit of [1, 2, 5, 14, 100]) {
          expect(callsOf(await eventsOf(store, namespace, { limit }))).toEqual(expected);
        }
        const all = { namespace, from: FIRST, to: LAST, actor: undefined, actions: undefined, limit: 4 };
        const first = await store.list({ ...all, after: undefined });
        await fixture.clock.advance('1ms');
        await store.append([newEvent(fixture.name(), { namespace })]);
        const second = await store.list({ ...all, after: first.next });
        expect(callsOf([...first.events, ...second.events])).toEqual(expected.slice(0, 8));
      },
    );

    test.ofAudit(
      'shows another process what was stored',
      async (fixture, store) => {
        const namespace = fixture.name();
        await store.append([newEvent(fixture.name(), { namespace })]);
        const other = (await fixture.open()).auditStore?.();
        expect(await other?.list({ ...ALL, namespace })).toMatchObject({ events: [{ namespace }] });
      },
      'shared',
    );
  });
}

const ALL = { from: FIRST, to: LAST, actor: undefined, actions: undefined, after: undefined, limit: 10 };

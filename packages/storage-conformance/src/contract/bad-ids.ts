import type { ItemId, Outcome, PartitionStore } from '@querator/core';
import { describe, expect } from 'vitest';
import { newItem } from '../fixture/content.ts';
import { type PartitionScript, verdictsOf } from '../fixture/partition-script.ts';
import type { StorageTest } from '../fixture/storage-test.ts';

/** Calls `complete`, or `retry` at once, with the ids of each request. */
type Call = (
  store: PartitionStore,
  requests: readonly { readonly ids: readonly ItemId[] }[],
) => Promise<readonly Outcome<unknown>[]>;

/** A well-formed id that names no item. */
const UNKNOWN_ID = `00000000000000000${'x'.repeat(10)}`;

/** What both `complete` and `retry` promise about wrong ids. */
export function describeBadIds(test: StorageTest, action: 'completed' | 'retried', call: Call): void {
  const refuse = (id: ItemId, fault: string) => `invalid storage id; '${id}'${fault}`;
  const unknown = (id: ItemId) => refuse(id, ' does not exist');
  const notLeased = (id: ItemId) => `item(s) cannot be ${action}; '${id}' is not marked as leased`;

  /** Two leased items, and one item in each other state. */
  async function assorted(script: PartitionScript) {
    const moving = await script.addMoving('moving');
    const moved = await script.addMoved('moved');
    await script.produce('good1', 'good2', 'gone', 'waiting');
    const [good1, good2, gone] = (await script.lease(3)).map((item) => item.id) as [ItemId, ItemId, ItemId];
    await script.complete(gone);
    await script.produceItems([newItem('scheduled', script.in('1h'))]);
    const waiting = (await script.queued()).at(-1)?.id as ItemId;
    const scheduled = (await script.scheduled())[0]?.id as ItemId;
    return { moving, moved, good1, good2, gone, waiting, scheduled };
  }

  describe('with wrong ids', () => {
    // "The error of an outcome names the request's first bad id", with the documented text
    test('names the fault of each kind of id', async (fixture) => {
      const script = fixture.script();
      const { moving, moved, gone, waiting, scheduled } = await assorted(script);
      const tooShort = 'not-an-id';
      const tooManyBytes = 'é'.repeat(27);
      const tooGreat = 'z'.repeat(27);
      const quoted = `' OR '1'='1' -- ${'x'.repeat(11)}`;
      const cases: [ItemId, string][] = [
        [UNKNOWN_ID, unknown(UNKNOWN_ID)],
        [gone, unknown(gone)],
        [scheduled, unknown(scheduled)],
        [moving, unknown(moving)],
        [moved, unknown(moved)],
        [waiting, notLeased(waiting)],
        ['', refuse('', ': Valid encoded KSUIDs are 27 characters')],
        [tooShort, refuse(tooShort, ': Valid encoded KSUIDs are 27 characters')],
        [tooManyBytes, refuse(tooManyBytes, ': Valid encoded KSUIDs are 27 characters')],
        [
          tooGreat,
          refuse(
            tooGreat,
            ': Valid encoded KSUIDs are bounded by 000000000000000000000000000 and aWgEPTl1tmebfsQzFP4bxwgy80V',
          ),
        ],
        [quoted, unknown(quoted)],
      ];
      const outcomes = await call(
        script.store,
        cases.map(([id]) => ({ ids: [id] })),
      );
      expect(verdictsOf(outcomes)).toEqual(cases.map(([, text]) => text));
      for (const outcome of outcomes) {
        expect(outcome.ok ? undefined : outcome.error).toMatchObject({ name: 'QueueError', code: 'invalid' });
      }
      expect(outcomes.map((outcome) => (outcome.ok ? undefined : outcome.error.reason))).toEqual([
        ...['lease_lost', 'lease_lost', 'not_leased', 'lease_lost', 'lease_lost', 'not_leased'],
        ...['no_such_item', 'no_such_item', 'no_such_item', 'no_such_item', 'lease_lost'],
      ]);
    });

    // "A request is applied as a whole or not at all", at any position of the bad id
    test('changes nothing for a request with a wrong id', async (fixture) => {
      const script = fixture.script();
      const { good1, good2, waiting } = await assorted(script);
      const before = [await script.queued(), await script.scheduled()];
      for (const ids of [
        [UNKNOWN_ID, good1, good2],
        [good1, UNKNOWN_ID, good2],
        [good1, good2, UNKNOWN_ID],
        [good2, waiting, good1],
        [good1, 'malformed', good2],
      ]) {
        expect((await call(script.store, [{ ids }]))[0]?.ok).toBe(false);
        expect([await script.queued(), await script.scheduled()]).toEqual(before);
      }
    });

    // "names the request's first bad id": in the order of the request, not of the storage
    test('names the first of several wrong ids', async (fixture) => {
      const script = fixture.script();
      const { good1, waiting, gone, moving } = await assorted(script);
      const outcomes = await call(script.store, [
        { ids: [good1, waiting, gone] },
        { ids: [good1, gone, waiting] },
        { ids: ['bad', moving, waiting] },
        { ids: [moving, 'bad'] },
      ]);
      expect(verdictsOf(outcomes)).toEqual([
        notLeased(waiting),
        unknown(gone),
        refuse('bad', ': Valid encoded KSUIDs are 27 characters'),
        unknown(moving),
      ]);
    });

    // "A fault of one request never throws": the other requests of the batch succeed
    test('applies the other requests of the batch', async (fixture) => {
      const script = fixture.script();
      const { good1, good2, waiting } = await assorted(script);
      const outcomes = await call(script.store, [
        { ids: [waiting] },
        { ids: [good1] },
        { ids: [UNKNOWN_ID] },
        { ids: [good2] },
      ]);
      expect(outcomes.map((outcome) => outcome.ok)).toEqual([false, true, false, true]);
      expect(await script.store.stats()).toMatchObject({ leased: 2 });
    });

    // "If two requests of a batch name one id, the first one completes it"
    test('gives an id that two requests name to the first one', async (fixture) => {
      const script = fixture.script();
      const { good1, good2 } = await assorted(script);
      const outcomes = await call(script.store, [{ ids: [good1] }, { ids: [good2, good1] }]);
      expect(verdictsOf(outcomes)).toEqual(['ok', unknown(good1)]);
      expect((await script.queued()).map((item) => item.id)).toContain(good2);
      expect((await call(script.store, [{ ids: [good2] }]))[0]?.ok).toBe(true);
    });

    // a failed request changes nothing, so a later request may use its ids
    test('gives an id to the second request if the first one fails', async (fixture) => {
      const script = fixture.script();
      const { good1, good2, waiting } = await assorted(script);
      const outcomes = await call(script.store, [
        { ids: [good1, waiting] },
        { ids: [good1, good2] },
        { ids: [good2] },
      ]);
      expect(verdictsOf(outcomes)).toEqual([notLeased(waiting), 'ok', unknown(good2)]);
    });

    // "An item gets a new id each time it returns to the tail of the queue": the second call fails
    test('accepts an id only once', async (fixture) => {
      const script = fixture.script();
      const { good1 } = await assorted(script);
      expect((await call(script.store, [{ ids: [good1] }]))[0]?.ok).toBe(true);
      expect(verdictsOf(await call(script.store, [{ ids: [good1] }]))).toEqual([unknown(good1)]);
    });

    // "Calls may run concurrently": of many calls exactly one succeeds
    test('accepts an id only once among concurrent calls', async (fixture) => {
      const script = fixture.script();
      const { good1 } = await assorted(script);
      const calls = Array.from({ length: 8 }, () => call(script.store, [{ ids: [good1] }]));
      const outcomes = (await Promise.all(calls)).flat();
      expect(outcomes.filter((outcome) => outcome.ok)).toHaveLength(1);
    });
  });
}

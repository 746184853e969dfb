import { describe, expect } from 'vitest';
import { newItem, numbered, textsOf } from '../fixture/content.ts';
import type { StorageTest } from '../fixture/storage-test.ts';

/** Greater than every id. */
const BEYOND_ALL = 'aWgEPTl1tmebfsQzFP4bxwgy80V';

/** What `PartitionStore.list` promises. */
export function describeList(test: StorageTest): void {
  describe('list', () => {
    // "queued: waiting, leased and moving items. scheduled: only scheduled items"
    test('shows waiting and leased items in one list and scheduled ones in the other', async (fixture) => {
      const script = fixture.script();
      await script.produce('leased', 'waiting');
      await script.produceItems([newItem('scheduled', script.in('1h'))]);
      await script.lease(1);
      const queued = await script.queued();
      expect(textsOf(queued)).toEqual(['leased', 'waiting']);
      expect(queued.map((item) => item.isLeased)).toEqual([true, false]);
      expect(await script.scheduledTexts()).toEqual(['scheduled']);
    });

    // "A page of items in id order", scheduled ones too, not by time
    test('lists scheduled items in order of their ids', async (fixture) => {
      const script = fixture.script();
      await script.produceItems([
        newItem('a', script.in('3h')),
        newItem('b', script.in('1h')),
        newItem('c', script.in('2h')),
      ]);
      expect(await script.scheduledTexts()).toEqual(['a', 'b', 'c']);
    });

    for (const state of ['queued', 'scheduled'] as const) {
      // "The page starts at this id", inclusive; "The most items of a page"
      test(`starts the ${state} page with the pivot, and respects the limit`, async (fixture) => {
        const script = fixture.script();
        const enqueueAt = state === 'scheduled' ? script.in('1h') : undefined;
        await script.produceItems(numbered('', 10).map((text) => newItem(text, enqueueAt)));
        const all = await script.store.list({ state, pivot: '', limit: 100 });
        const page = (from: number, limit: number) =>
          script.store.list({ state, pivot: all[from]?.id ?? '', limit });
        expect(textsOf(await page(3, 4))).toEqual(['3', '4', '5', '6']);
        expect(textsOf(await page(0, 1))).toEqual(['0']);
        expect(textsOf(await page(9, 5))).toEqual(['9']);
        expect(textsOf(await script.store.list({ state, pivot: '', limit: 2 }))).toEqual(['0', '1']);
        expect(await page(4, 3)).toEqual(all.slice(4, 7));
      });

      // without `maxBytes` the size of the items does not shorten the page
      test(`lists large ${state} items in one page`, async (fixture) => {
        const script = fixture.script();
        const enqueueAt = state === 'scheduled' ? script.in('1h') : undefined;
        const large = numbered('', 6).map((reference) => ({
          ...newItem('', enqueueAt),
          reference,
          payload: new Uint8Array(7e6).fill(Number(reference)),
        }));
        await script.produceItems(large.slice(0, 3));
        await script.produceItems(large.slice(3));
        const page = await script.store.list({ state, pivot: '', limit: 5 });
        expect(page.map(({ reference, payload }) => [reference, payload.length, payload[6e6]])).toEqual(
          ['0', '1', '2', '3', '4'].map((reference) => [reference, 7e6, Number(reference)]),
        );
      });

      // "The page ends with the item at which the contents (payloads and texts) reach this many bytes"
      for (const [what, size] of [
        ['payloads', { payload: new Uint8Array(1_000) }],
        ['references', { reference: 'r'.repeat(1_000) }],
        ['encodings', { encoding: 'e'.repeat(1_000) }],
        ['kinds', { kind: 'k'.repeat(1_000) }],
      ] as const) {
        test(`ends the ${state} page where its ${what} reach maxBytes`, async (fixture) => {
          const script = fixture.script();
          const enqueueAt = state === 'scheduled' ? script.in('1h') : undefined;
          const small = { encoding: '', kind: '', reference: '', payload: new Uint8Array(), enqueueAt };
          await script.produceItems(numbered('', 6).map(() => ({ ...small, ...size })));
          const all = await script.store.list({ state, pivot: '', limit: 100 });
          expect(all).toHaveLength(6);
          const page = (from: number, limit: number, maxBytes: number) =>
            script.store.list({ state, pivot: all[from]?.id ?? '', limit, maxBytes });
          expect(await page(0, 100, 2_500)).toEqual(all.slice(0, 3));
          expect(await page(2, 100, 2_500)).toEqual(all.slice(2, 5));
          expect(await page(4, 100, 2_500)).toEqual(all.slice(4));
          expect(await page(0, 2, 2_500)).toEqual(all.slice(0, 2));
          expect(await page(0, 100, 3_000)).toEqual(all.slice(0, 3));
          expect(await page(0, 100, 3_001)).toEqual(all.slice(0, 4));
          expect(await page(0, 100, 1_000_000)).toEqual(all);
        });
      }

      // "It never ends before its second item: a caller that continues at the last id … must still make progress"
      test(`pages through large ${state} items from the last id on`, async (fixture) => {
        const script = fixture.script();
        const enqueueAt = state === 'scheduled' ? script.in('1h') : undefined;
        await script.produceItems(numbered('item', 7).map((text) => newItem(text, enqueueAt)));
        const texts: string[] = [];
        for (let pivot = ''; ; ) {
          const page = await script.store.list({ state, pivot, limit: 100, maxBytes: 1 });
          const fresh = page.filter(({ id }) => id !== pivot);
          if (fresh.length === 0) break;
          expect(page.length).toBeLessThanOrEqual(2);
          texts.push(...textsOf(fresh));
          pivot = page.at(-1)?.id as string;
        }
        expect(texts).toEqual(numbered('item', 7));
        expect(await script.store.list({ state, pivot: '', limit: 1, maxBytes: 1 })).toHaveLength(1);
      });

      // "or at the next greater one"
      test(`starts the ${state} page after a pivot that does not exist any more`, async (fixture) => {
        const script = fixture.script();
        const enqueueAt = state === 'scheduled' ? script.in('1h') : undefined;
        await script.produceItems(numbered('', 5).map((text) => newItem(text, enqueueAt)));
        const ids = (await script.store.list({ state, pivot: '', limit: 100 })).map((item) => item.id);
        await script.store.delete([ids[0] as string, ids[2] as string, ids[4] as string]);
        const from = async (pivot: string) => textsOf(await script.store.list({ state, pivot, limit: 100 }));
        expect(await from(ids[0] as string)).toEqual(['1', '3']);
        expect(await from(ids[2] as string)).toEqual(['3']);
        expect(await from(ids[4] as string)).toEqual([]);
      });
    }

    // a pivot may be any well-formed id, present or not
    test('accepts a pivot before the first and after the last item', async (fixture) => {
      const script = fixture.script();
      await script.produce('a', 'b');
      const from = async (pivot: string) =>
        textsOf(await script.store.list({ state: 'queued', pivot, limit: 100 }));
      expect(await from('0'.repeat(27))).toEqual(['a', 'b']);
      expect(await from(BEYOND_ALL)).toEqual([]);
      const last = (await script.queued())[1]?.id as string;
      expect(await from(`${last.slice(0, -1)}${String.fromCharCode(last.charCodeAt(26) + 1)}`)).toEqual([]);
      expect(await from(`${last.slice(0, 17)}${'0'.repeat(10)}`)).toEqual(['b']);
    });

    // a pivot may name an item that moved to the other list
    test('accepts a pivot that is in the other list', async (fixture) => {
      const script = fixture.script();
      await script.produce('a', 'b', 'c');
      const [, b] = (await script.lease(2)).map((item) => item.id) as [string, string];
      await script.retry({ id: b, retryAt: script.in('1h') });
      const from = async (state: 'queued' | 'scheduled', pivot: string) =>
        textsOf(await script.store.list({ state, pivot, limit: 100 }));
      expect(await from('queued', b)).toEqual(['c']);
      expect(await from('scheduled', b)).toEqual(['b']);
    });

    // a list changes nothing, and is empty at first
    test('returns nothing for an empty partition', async (fixture) => {
      const script = fixture.script();
      expect(await script.queued()).toEqual([]);
      expect(await script.scheduled()).toEqual([]);
    });

    // consecutive pages contain every item once
    test('pages through 3,000 items', async (fixture) => {
      const script = fixture.script();
      await script.produce(...numbered('item', 3_000));
      const texts: string[] = [];
      for (let pivot = ''; ; ) {
        const page = await script.store.list({ state: 'queued', pivot, limit: 401 });
        texts.push(...textsOf(page.slice(0, 400)));
        if (page.length < 401) break;
        pivot = page[400]?.id as string;
      }
      expect(texts).toEqual(numbered('item', 3_000));
    });
  });
}

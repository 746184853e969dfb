import {
  type FindPage,
  type FindRequest,
  type FoundItem,
  type ItemDetails,
  type ItemFilter,
  type ItemId,
  instantFromMicroseconds,
  type Metadata,
  type StoredItem,
} from '@querator/core';
import { describe, expect } from 'vitest';
import { content, newItem, numbered } from '../fixture/content.ts';
import type { Fixture } from '../fixture/fixture.ts';
import type { PartitionScript } from '../fixture/partition-script.ts';
import type { StorageTest } from '../fixture/storage-test.ts';

const METADATA: Metadata = new Map([
  ['a', '1'],
  ['__proto__', '%'],
]);

const DETAILS: ItemDetails = {
  firstId: '00000000000000abcABCDEFGHIJ',
  metadata: METADATA,
  source: {
    queue: 'orders',
    partition: 3,
    id: '00000000000000defABCDEFGHIJ',
    attempts: 7,
    producedAt: instantFromMicroseconds(1_767_225_600_123_456n),
    death: { at: instantFromMicroseconds(1_767_225_700_654_321n), reason: 'rejected' },
    error: 'no such user: 100%',
  },
};

/** One page of a search in a partition. The driver must claim to find. */
function findIn({ store }: PartitionScript, request: Partial<FindRequest> = {}): Promise<FindPage> {
  if (store.find === undefined) throw new Error('the driver claims to find, and has no find');
  return store.find({ filter: {}, limit: 1_000, ...request });
}

/** All items that a filter finds, page by page. Fails if a page repeats an item, or makes no progress. */
export async function findAll(
  script: PartitionScript,
  filter: ItemFilter,
  request: Partial<FindRequest> = {},
): Promise<readonly FoundItem[]> {
  const found: FoundItem[] = [];
  let after: ItemId | undefined;
  do {
    const page: FindPage = await findIn(script, { ...request, filter, after });
    found.push(...page.items);
    if (page.next !== undefined) expect(page.next > (after ?? '')).toBe(true);
    after = page.next;
  } while (after !== undefined);
  expect(new Set(found.map(({ id }) => id)).size).toBe(found.length);
  return found;
}

const payloadOf = (text: string) => new TextEncoder().encode(text);
/** What identifies an item: its reference ends in its text. */
const namesOf = (items: readonly FoundItem[]) =>
  items.map(({ reference }) => reference.replace('reference of ', ''));

/** What `PartitionStore.find` promises. */
export function describeFind(test: StorageTest): void {
  describe('find', () => {
    const testFind = (title: string, body: (fixture: Fixture) => Promise<void>) =>
      test.ifCapable(['find', 'metadata'], title, body);

    // "Undefined if the driver does not claim `find`."
    test('is there if the driver claims it', async (fixture) => {
      expect(fixture.partition().find === undefined).toBe(fixture.backend.capabilities.find !== true);
    });

    /** An item in every state, each with its name as its text. */
    const inEveryState = async (script: PartitionScript) => {
      await script.addMoving('dead');
      await script.addMoved('moved');
      await script.produce('leased');
      await script.lease();
      await script.produce('waiting');
      await script.produceItems([newItem('scheduled', script.in('1h'))]);
      await script.prepare('letter');
    };

    // "Finds items in any state, but no prepared letters."
    testFind('shows the state of each item', async (fixture) => {
      const script = fixture.script();
      await inEveryState(script);
      const { items, next } = await findIn(script);
      expect(Object.fromEntries(items.map((item, at) => [namesOf(items)[at], item.state]))).toEqual({
        dead: 'dead',
        moved: 'dead',
        leased: 'leased',
        waiting: 'waiting',
        scheduled: 'scheduled',
      });
      expect(next).toBeUndefined();
      for (const state of ['waiting', 'leased', 'scheduled', 'dead'] as const) {
        const alone = await findAll(script, { state });
        expect(alone).toEqual(items.filter((item) => item.state === state));
      }
    });

    // `TakenItemsStore`: "A taken item keeps its id and its place."
    testFind('shows an item that a task has taken as moving, and with its own deadline', async (fixture) => {
      const script = fixture.script();
      const { store } = script;
      if (store.takeItems === undefined) return;
      await script.produce('a', 'b');
      const [a, b] = (await findIn(script)).items as [FoundItem, FoundItem];
      await store.takeItems({ task: 't', ids: [a.id], target: { queue: 'other', partition: 0 } });
      const moving = { ...a, state: 'moving' };
      expect((await findIn(script)).items).toEqual([moving, b]);
      expect(await findAll(script, { state: 'moving' })).toEqual([moving]);
      expect(await findAll(script, { state: 'scheduled' })).toEqual([]);
      expect(await findAll(script, { state: 'waiting' })).toEqual([b]);
      expect(await findAll(script, { due: { from: fixture.clock.now() } })).toEqual([b]);
      await store.returnTaken?.({ task: 't', ids: [a.id] });
      expect((await findIn(script)).items).toEqual([a, b]);
    });

    testFind('shows each item as a list does, and its payload if asked', async (fixture) => {
      const script = fixture.script();
      await inEveryState(script);
      await script.import('detailed', { details: DETAILS, sourceId: 'source', attempts: 2, maxAttempts: 3 });
      const listed = [
        ...(await listDetailed(script, 'queued')),
        ...(await listDetailed(script, 'scheduled')),
      ];
      const byId = new Map(listed.map((item) => [item.id, item]));
      const { items } = await findIn(script, { withPayload: true });
      expect(items).toHaveLength(listed.length);
      for (const { state, payloadSize, payload, leaseDeadline, ...item } of items) {
        const {
          isLeased,
          payload: bytes,
          leaseDeadline: deadline,
          ...expected
        } = byId.get(item.id) as StoredItem;
        expect(item).toEqual(expected);
        expect(isLeased).toBe(state === 'leased' || state === 'dead');
        expect(leaseDeadline).toBe(state === 'dead' ? undefined : deadline);
        expect(new Uint8Array(payload ?? [])).toEqual(new Uint8Array(bytes));
        expect(payloadSize).toBe(bytes.length);
      }
      const plain = (await findIn(script)).items;
      expect(plain.map(({ payload }) => payload)).toEqual(items.map(() => undefined));
      expect(plain.map(({ payloadSize }) => payloadSize)).toEqual(
        items.map(({ payloadSize }) => payloadSize),
      );
    });

    // "Texts and bytes are compared as they are: no character of them has another meaning."
    testFind('compares texts and bytes as they are', async (fixture) => {
      const script = fixture.script();
      const bytes = (...values: number[]) => Uint8Array.from(values);
      const payloads = { nul: bytes(0, 1, 0), broken: bytes(0xff, 0xfe, 0x25), text: payloadOf('100%_\\') };
      for (const [text, payload] of Object.entries(payloads)) await script.import(text, { payload });
      await script.import('empty', { payload: bytes(), kind: "'; --", encoding: '%' });
      await script.import('letter', { details: DETAILS });
      await script.import('failed', { details: { ...DETAILS, error: 'it\'s {"a":1} \\ _' } });
      const finds = async (filter: ItemFilter) => namesOf(await findAll(script, filter));
      expect(await finds({ payload: bytes(0) })).toEqual(['nul']);
      expect(await finds({ payload: bytes(1, 0) })).toEqual(['nul']);
      expect(await finds({ payload: bytes(0xfe) })).toEqual(['broken']);
      expect(await finds({ payload: bytes(0x25) })).toEqual(['broken', 'text']);
      expect(await finds({ payload: payloadOf('1_0') })).toEqual([]);
      expect(await finds({ payload: payloadOf('_\\') })).toEqual(['text']);
      expect(await finds({ kind: "'; --" })).toEqual(['empty']);
      expect(await finds({ kind: '%' })).toEqual([]);
      expect(await finds({ encoding: '%' })).toEqual(['empty']);
      expect(await finds({ reference: 'reference of nul' })).toEqual(['nul']);
      expect(await finds({ reference: 'reference of ' })).toEqual([]);
      expect(await finds({ error: 'user' })).toEqual(['letter']);
      expect(await finds({ error: '100%' })).toEqual(['letter']);
      expect(await finds({ error: '%' })).toEqual(['letter']);
      expect(await finds({ error: '{"a":1} \\ _' })).toEqual(['failed']);
      expect(await finds({ error: 'User' })).toEqual([]);
      expect(await finds({ metadata: new Map([['__proto__', '%']]) })).toEqual(['letter', 'failed']);
      expect(await finds({ metadata: METADATA })).toEqual(['letter', 'failed']);
      expect(await finds({ metadata: new Map([['a', '']]) })).toEqual([]);
      expect(await finds({ metadata: new Map([['a', '{"user":{"a":"1"}}']]) })).toEqual([]);
      expect(await finds({ metadata: new Map([['source', 'orders']]) })).toEqual([]);
      expect(await finds({ reason: 'rejected' })).toEqual(['letter', 'failed']);
      expect(await finds({ reason: 'expired' })).toEqual([]);
      expect(await finds({ sourceQueue: 'orders' })).toEqual(['letter', 'failed']);
      expect(await finds({ sourceQueue: 'order' })).toEqual([]);
      expect(await finds({ withoutError: true })).toEqual(['nul', 'broken', 'text', 'empty']);
      expect(await finds({ withoutError: true, sourceQueue: 'orders' })).toEqual([]);
      expect(await finds({ withoutError: false })).toHaveLength(6);
      expect(await finds({ metadata: new Map() })).toHaveLength(6);
    });

    // `ItemFilter.ids`: "May contain malformed ids, which no item has."
    testFind('finds items by their ids', async (fixture) => {
      const script = fixture.script();
      await script.produce(...numbered('i', 5));
      await script.import('s', { sourceId: 'source', details: DETAILS });
      const items = await findAll(script, {});
      const [first, , third] = items.map(({ id }) => id) as [ItemId, ItemId, ItemId];
      const ids = ['\u{1f600}', 'x', third, '0'.repeat(27), first, third];
      expect(namesOf(await findAll(script, { ids }))).toEqual(['i0', 'i2']);
      expect(namesOf(await findAll(script, { ids }, { limit: 1 }))).toEqual(['i0', 'i2']);
      expect(await findAll(script, { ids, kind: 'other' })).toEqual([]);
      expect(await findAll(script, { ids: [] })).toEqual([]);
      expect(namesOf(await findAll(script, { sourceId: 'source' }))).toEqual(['s']);
      expect(await findAll(script, { sourceId: 'source', ids: [first] })).toEqual([]);
      expect(await findAll(script, { sourceId: 'sourc' })).toEqual([]);
      expect(namesOf(await findAll(script, { firstId: DETAILS.firstId }))).toEqual(['s']);
      expect(namesOf(await findAll(script, { firstId: first }))).toEqual(['i0']);
    });

    // "Its `createdAt` stays", and so does its first id
    testFind('finds an item by its first id, wherever it went', async (fixture) => {
      const script = fixture.script();
      const before = fixture.clock.now();
      await script.produce('a');
      const firstId = await script.leaseOne();
      await fixture.clock.advance('1s');
      await script.produce('later');
      await script.retry({ id: firstId, error: 'e' });
      const [item] = await findAll(script, { firstId });
      expect(item).toMatchObject({ state: 'waiting', createdAt: before, details: { firstId, error: 'e' } });
      expect(item?.id).not.toBe(firstId);
      const existed = { created: { to: fixture.clock.now() } };
      expect(namesOf(await findAll(script, existed))).toEqual(['a']);
      expect(namesOf(await findAll(script, { created: { from: fixture.clock.now() } }))).toEqual(['later']);
      expect(namesOf(await findAll(script, { created: { from: before, to: before } }))).toEqual([]);
    });

    // `dueOf`: "a waiting one expires, a lease ends, a scheduled item becomes available"
    testFind('finds items by their deadlines', async (fixture) => {
      const script = fixture.script();
      await inEveryState(script);
      const finds = async (from: string, to: string) =>
        namesOf(await findAll(script, { due: { from: script.in(from), to: script.in(to) } }));
      expect(await finds('1m', '61s')).toEqual(['leased']);
      expect(await finds('59s', '1m')).toEqual([]);
      expect(await finds('1h', '2h')).toEqual(['scheduled']);
      expect(await finds('24h', '25h')).toEqual(['waiting']);
      expect(await finds('0s', '1000000h')).toEqual(['leased', 'waiting', 'scheduled']);
    });

    // "Reads on from `after` until a bound of the request, the limit or the end"
    testFind('stops at the limit and at every bound, and goes on from there', async (fixture) => {
      const script = fixture.script();
      await script.produceItems(
        numbered('i', 25).map((text, at) => ({ ...content(text), payload: new Uint8Array(1_000 + at) })),
      );
      const texts = numbered('i', 25);
      const first = await findIn(script, { limit: 10 });
      expect(namesOf(first.items)).toEqual(texts.slice(0, 10));
      expect(first.scanned).toBe(10);
      expect(first.bytes).toBeLessThan(1_000);
      expect((await findIn(script, { limit: 10, withPayload: true })).bytes).toBeGreaterThan(10_000);
      expect(first.next).toBe(first.items.at(-1)?.id);
      expect(namesOf((await findIn(script, { after: first.next, limit: 15 })).items)).toEqual(
        texts.slice(10),
      );

      const bounds = { rows: 7, bytes: 1_000_000, ms: 60_000 };
      const none = await findIn(script, { filter: { kind: 'kind of i20' }, bounds });
      expect(none).toMatchObject({ items: [], scanned: 7 });
      const paged = await findAll(script, { kind: 'kind of i20' }, { bounds });
      expect(namesOf(paged)).toEqual(['i20']);

      // The third payload passes the bound.
      const bytes = { ...bounds, rows: 100, bytes: 3_000 };
      const large = await findIn(script, { bounds: bytes, withPayload: true });
      expect(namesOf(large.items)).toEqual(texts.slice(0, 3));
      expect(namesOf(await findAll(script, {}, { bounds: bytes, withPayload: true }))).toEqual(texts);
      const within = { payload: new Uint8Array(1_020) };
      expect(await findIn(script, { filter: within, bounds: bytes })).toMatchObject({
        items: [],
        scanned: 3,
      });
      expect(namesOf(await findAll(script, within, { bounds: bytes }))).toEqual(texts.slice(20));
      expect(
        (await findIn(script, { bounds: { ...bytes, bytes: 1 }, withPayload: true })).items,
      ).toHaveLength(1);

      expect(namesOf(await findAll(script, {}, { bounds: { ...bounds, ms: 1e-9 } }))).toEqual(texts);
    });

    testFind('finds nothing in an empty partition, and nothing after the last item', async (fixture) => {
      const script = fixture.script();
      expect(await findIn(script)).toEqual({ items: [], scanned: 0, bytes: 0 });
      await script.produce('a');
      const { items } = await findIn(script);
      expect(await findIn(script, { after: items[0]?.id })).toEqual({ items: [], scanned: 0, bytes: 0 });
      expect(await findIn(script, { after: '~' })).toEqual({ items: [], scanned: 0, bytes: 0 });
    });

    // `close`: "Later calls fail" with a rejected StorageError
    testFind('fails after the backend was closed', async (fixture) => {
      const script = fixture.script();
      await fixture.backend.close();
      await expect(findIn(script)).rejects.toMatchObject({ name: 'StorageError', outcome: 'not-applied' });
    });
  });
}

function listDetailed({ store }: PartitionScript, state: 'queued' | 'scheduled') {
  return store.list({ state, pivot: '', limit: 1_000, details: true });
}

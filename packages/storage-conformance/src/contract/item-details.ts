import {
  type ItemDetails,
  type ItemId,
  instantFromMicroseconds,
  type LeasedItem,
  type Metadata,
  metadataUnavailable,
  type NewItem,
  parseDuration,
  type StoredItem,
} from '@querator/core';
import { describe, expect } from 'vitest';
import { deadLetter, newItem, textsOf } from '../fixture/content.ts';
import type { Fixture } from '../fixture/fixture.ts';
import {
  AUTO_COMMIT_TIMEOUT,
  EXPIRE_TIMEOUT,
  LEASE_TIMEOUT,
  type PartitionScript,
  valuesOf,
} from '../fixture/partition-script.ts';
import { produceAndLease } from '../fixture/produce-and-lease.ts';
import type { StorageTest } from '../fixture/storage-test.ts';

const METADATA: Metadata = new Map([
  ['traceparent', '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'],
  ['first_id', 'not ours'],
  ['__proto__', '{"died":"\u00e9\\"}'],
]);
const NONE: Metadata = new Map();

const withMetadata = (text: string, metadata: Metadata = METADATA): NewItem => ({
  ...newItem(text),
  metadata,
});

/** What is compared of an item's details. */
const known = ({ details }: Pick<LeasedItem, 'details'>) =>
  details && { firstId: details.firstId, metadata: details.metadata, error: details.error };

/** What the contract promises of the details of items. */
export function describeItemDetails(test: StorageTest): void {
  describe('details of items', () => {
    // "Why the partition keeps no metadata at the moment"
    test('are kept if the driver claims it', async (fixture) => {
      const { metadataFault } = await fixture.script().store.probe();
      expect(metadataFault === undefined).toBe(fixture.backend.capabilities.metadata === true);
    });

    // "A partition that keeps no metadata … refuses items with metadata, retries with an error …"
    test('are refused, or left out, by a partition that keeps none', async (fixture) => {
      const script = fixture.script();
      const { metadataFault } = await script.store.probe();
      if (metadataFault === undefined) return;
      const refused = { ok: false, error: metadataUnavailable(metadataFault) };
      const outcomes = await script.store.produce(
        [{ items: [withMetadata('a')] }, { items: [newItem('b')] }],
        EXPIRE_TIMEOUT,
      );
      expect(outcomes).toEqual([refused, { ok: true, value: { waiting: 1, scheduled: 0 } }]);
      const [b] = await leaseDetailed(script);
      expect(b && textsOf([b])).toEqual(['b']);
      const items = [{ id: b?.id as ItemId, dead: false, error: 'e' }];
      const rules = { maxAttempts: 0, dead: 'move' } as const;
      expect(await script.store.retry([{ items }], rules)).toEqual([refused]);
      await script.complete(b?.id as ItemId);
    });

    const testKept = (title: string, body: (fixture: Fixture) => Promise<void>) =>
      test.ifCapable('metadata', title, body);

    // "The first id is the one that an item gets when it is produced"
    testKept('are its id and no metadata for a plain item', async (fixture) => {
      const script = fixture.script();
      await script.produce('a', 'b');
      const entered = fixture.clock.now();
      await fixture.clock.advance('5s');
      const [a, b] = [...(await leaseDetailed(script, 1)), ...(await leaseDetailed(script, 5))];
      for (const item of [a, b]) {
        expect(item?.createdAt).toBe(entered);
        expect(item && known(item)).toEqual({ firstId: item?.id, metadata: NONE, error: undefined });
        expect(item?.details?.source).toBeUndefined();
      }
    });

    // "Whether the leased items have `createdAt` and their details."
    testKept('are not returned by a lease that does not ask', async (fixture) => {
      const script = fixture.script();
      await script.produceItems([withMetadata('a')]);
      expect((await script.lease())[0]?.details).toBeUndefined();
      expect((await script.queued())[0]?.details).toBeUndefined();
    });

    testKept('keep every pair as it is, whatever its key', async (fixture) => {
      const script = fixture.script();
      const later = { ...withMetadata('later'), enqueueAt: script.in('1h') };
      await script.produceItems([withMetadata('one')]);
      await script.produceItems([withMetadata('a'), newItem('b'), { ...withMetadata('c'), kind: 'k' }]);
      await script.produceItems([later]);
      const leased = await leaseDetailed(script);
      expect(leased.map(({ details }) => details?.metadata)).toEqual([METADATA, METADATA, NONE, METADATA]);
      const [scheduled] = await listDetailed(script, 'scheduled');
      expect(scheduled?.details?.metadata).toEqual(METADATA);
    });

    testKept('are returned by a produce for waiting consumers', async (fixture) => {
      const script = fixture.script();
      const items = [withMetadata('a'), newItem('b')];
      const { leased } = await produceAndLease(script.store, [{ items }], EXPIRE_TIMEOUT, {
        ...{ limit: 2, leaseTimeout: LEASE_TIMEOUT, details: true },
      });
      const [a, b] = leased;
      expect(leased.map(known)).toEqual([
        { firstId: a?.id, metadata: METADATA, error: undefined },
        { firstId: b?.id, metadata: NONE, error: undefined },
      ]);
      expect(a?.createdAt).toBe(fixture.clock.now());
    });

    // "keeps the details of an item (`ItemDetails`) until"
    testKept('stay through retries, schedules and ends of leases, while the id changes', async (fixture) => {
      const script = fixture.script();
      await script.produceItems([withMetadata('a')]);
      const [first] = await leaseDetailed(script);
      const expected = { firstId: first?.id, metadata: METADATA };
      const ids = new Set([first?.id]);
      const returns: ((id: ItemId) => Promise<unknown>)[] = [
        (id) => script.retry({ id }),
        (id) => script.retry({ id, retryAt: script.in('1m') }),
        () => fixture.clock.advance('2m'),
        (id) => script.retry({ id, error: 'timed out' }),
        (id) => script.retry({ id, error: 'refused', retryAt: script.in('1m') }),
        (id) => script.store.release([id]),
        (id) => script.retry({ id }),
      ];
      let leased = first;
      for (const giveBack of returns) {
        await giveBack(leased?.id as ItemId);
        await fixture.clock.advance('2m');
        await script.sweep();
        [leased] = await leaseDetailed(script);
        expect(leased?.details).toMatchObject(expected);
        ids.add(leased?.id);
      }
      // A release keeps the id.
      expect(ids.size).toBe(returns.length);
      expect(leased?.details?.error).toBe('refused');
    });

    // "An item keeps the last error that a retry gave, whatever becomes of it."
    testKept('have the last error of a retry', async (fixture) => {
      const script = fixture.script();
      await script.produce('a', 'b', 'c');
      const [a, b, c] = (await script.lease()).map(({ id }) => id) as [ItemId, ItemId, ItemId];
      await script.retry(
        { id: a, error: 'é: "first"\n' },
        { id: b },
        { id: c, error: 'later', retryAt: script.in('1h') },
      );
      const errorsOf = (items: readonly StoredItem[]) =>
        items.map((item) => [textsOf([item])[0], item.details?.error]);
      expect(errorsOf(await listDetailed(script, 'queued'))).toEqual([
        ['a', 'é: "first"\n'],
        ['b', undefined],
      ]);
      expect(errorsOf(await listDetailed(script, 'scheduled'))).toEqual([['c', 'later']]);
    });

    // "A reported item keeps the time and reason of its death, however often it is"
    testKept('tell when and why a dead item died', async (fixture) => {
      const script = fixture.script();
      const dies = { maxAttempts: 1, dead: 'move' } as const;
      await script.produceItems([newItem('expired')], parseDuration('1m'));
      const rejected = await script.store.produce(
        [{ items: [withMetadata('rejected')], returnIds: true }],
        EXPIRE_TIMEOUT,
      );
      await script.produce('attempts', 'lease');
      const [waits, ...leased] = await script.lease();
      await script.store.release([waits?.id as ItemId]);
      const [first, second] = leased.map(({ id }) => id) as [ItemId, ItemId];
      const died = fixture.clock.now();
      const items = [
        { id: first, dead: true, error: 'no such user' },
        { id: second, dead: false },
      ];
      valuesOf(await script.store.retry([{ items }], dies));
      await fixture.clock.advance('2m');
      const late = fixture.clock.now();
      const reportOf = async () => {
        const { dead } = await script.sweep(dies);
        return Object.fromEntries(dead.map((item) => [textsOf([item])[0], item]));
      };
      const reported = await reportOf();
      const deaths = (of: Readonly<Record<string, StoredItem>>) =>
        Object.fromEntries(Object.entries(of).map(([text, { death }]) => [text, death]));
      const expected = {
        rejected: { reason: 'rejected', at: died },
        attempts: { reason: 'attempts', at: died },
        lease: { reason: 'attempts', at: late },
        expired: { reason: 'expired', at: late },
      };
      expect(deaths(reported)).toEqual(expected);
      expect(reported['rejected']?.details).toMatchObject({
        ...{ firstId: valuesOf(rejected)[0]?.ids?.[0], metadata: METADATA, error: 'no such user' },
      });
      expect(reported['attempts']?.details?.metadata).toEqual(NONE);
      await fixture.clock.advance('1m');
      expect(deaths(await reportOf())).toEqual(expected);
    });

    testKept('tell that a lease ended after the item had expired', async (fixture) => {
      const script = fixture.script();
      await script.produceItems([newItem('a')], parseDuration('30s'));
      await script.lease();
      await fixture.clock.advance('2m');
      const { dead } = await script.sweep();
      expect(dead.map(({ death }) => death?.reason)).toEqual(['expired']);
    });

    const LETTER: ItemDetails = {
      firstId: '00000000000000abcABCDEFGHIJ',
      metadata: METADATA,
      source: {
        queue: 'orders',
        partition: 3,
        id: '00000000000000defABCDEFGHIJ',
        attempts: 7,
        queueCreatedAt: instantFromMicroseconds(1_767_225_600_123_455n),
        producedAt: instantFromMicroseconds(1_767_225_600_123_456n),
        death: { at: instantFromMicroseconds(1_767_225_700_654_321n), reason: 'rejected' },
        error: 'no such user',
      },
    };

    testKept('of letters arrive as they were sent', async (fixture) => {
      const script = fixture.script();
      const source = { ...LETTER.source, death: undefined, error: undefined } as ItemDetails['source'];
      const letters = [
        { ...deadLetter('a'), details: LETTER },
        { ...deadLetter('b'), details: { ...LETTER, metadata: NONE, source, error: 'e' } },
        deadLetter('c'),
      ];
      await script.store.prepareLetters(letters, {
        ...{ expireTimeout: EXPIRE_TIMEOUT, autoCommitTimeout: AUTO_COMMIT_TIMEOUT },
      });
      const prepared = await listDetailed(script, 'prepared');
      await script.store.commitLetters(['a']);
      await fixture.clock.advance('1h');
      await script.sweep();
      const details = Object.fromEntries(
        (await leaseDetailed(script)).map((item) => [textsOf([item])[0], item.details]),
      );
      expect(details['a']).toEqual(LETTER);
      expect(details['b']).toEqual({ ...LETTER, metadata: NONE, source, error: 'e' });
      expect(details['c']).toMatchObject({ firstId: prepared[2]?.id, metadata: NONE });
    });

    testKept('of imported items are those that they bring', async (fixture) => {
      const script = fixture.script();
      await script.import('a', { details: LETTER });
      const plain = await script.import('b');
      const fresh = await script.import('d', { details: { metadata: METADATA }, enqueueAt: script.in('2h') });
      await script.import('c', { details: LETTER, enqueueAt: script.in('1h') });
      const [a, b] = await leaseDetailed(script);
      expect(a?.details).toEqual(LETTER);
      expect(b?.details).toMatchObject({ firstId: plain?.id, metadata: NONE });
      const [c, d] = await listDetailed(script, 'scheduled');
      const details = Object.fromEntries([c, d].map((item) => [item && textsOf([item])[0], item?.details]));
      expect(details['c']).toEqual(LETTER);
      expect(details['d']).toMatchObject({ firstId: fresh?.id, metadata: METADATA });
    });
  });
}

function leaseDetailed(script: PartitionScript, limit = 100): Promise<readonly LeasedItem[]> {
  return script.store.lease({ limit, leaseTimeout: LEASE_TIMEOUT, details: true });
}

function listDetailed(
  script: PartitionScript,
  state: 'queued' | 'scheduled' | 'prepared',
): Promise<readonly StoredItem[]> {
  return script.store.list({ state, pivot: '', limit: 100, details: true });
}

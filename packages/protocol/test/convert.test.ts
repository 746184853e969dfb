import {
  instantFromMicroseconds,
  milliseconds,
  type NewItem,
  type Queue,
  type StoredItem,
  UNSET_INSTANT,
} from '@querator/core';
import { describe, expect, it } from 'vitest';
import {
  codecs,
  fromLeasedItems,
  fromNewItem,
  fromPartitionStats,
  fromQueue,
  fromRetriedItem,
  fromStoredItem,
  toImportedItem,
  toLeasedItem,
  toNewItem,
  toRetriedItem,
  toStoredItem,
} from '../src/index.ts';
import { textOf } from './support.ts';

const CONTENT = { encoding: 'e', kind: 'k', reference: 'r', payload: Uint8Array.of(1, 2) };
const NOON = instantFromMicroseconds(1_790_000_000_123_456n);
const ZERO_TIME = { seconds: -62_135_596_800, nanos: 0 };

describe('produced items', () => {
  const wire = codecs.QueueProduceItem.create({ encoding: 'e', kind: 'k', reference: 'r' });

  it('have the bytes as payload, if there are any', () => {
    expect(toNewItem({ ...wire, bytes: Uint8Array.of(1), utf8: 'text' }).payload).toEqual(Uint8Array.of(1));
  });

  it('otherwise have the text, as UTF-8', () => {
    expect(textOf(toNewItem({ ...wire, utf8: 'ä€' }).payload)).toBe('ä€');
  });

  it('may be empty', () => {
    expect(toNewItem(codecs.QueueProduceItem.create())).toEqual({
      encoding: '',
      kind: '',
      reference: '',
      payload: new Uint8Array(0),
      enqueueAt: undefined,
    });
  });

  it('share their payload with the message', () => {
    const bytes = Uint8Array.of(1);
    expect(toNewItem({ ...wire, bytes }).payload).toBe(bytes);
  });

  it.each([undefined, NOON])('keep their fields in both directions, scheduled for %s', (enqueueAt) => {
    const item: NewItem = { ...CONTENT, enqueueAt };
    expect(toNewItem(fromNewItem(item))).toEqual(item);
  });
});

describe('leased items', () => {
  it('keep their fields in both directions, each with its deadline', () => {
    const later = instantFromMicroseconds(NOON + 1n);
    const items = [NOON, NOON, later].map((leaseDeadline, i) => ({
      ...CONTENT,
      id: `${i}`,
      attempts: i,
      leaseDeadline,
    }));
    expect(fromLeasedItems(items).map(toLeasedItem)).toEqual(items);
  });
});

describe('retried items', () => {
  it.each([
    { id: 'i', retryAt: undefined, dead: false },
    { id: 'i', retryAt: NOON, dead: true },
  ])('keep their fields in both directions: %o', (item) => {
    expect(toRetriedItem(fromRetriedItem(item))).toEqual(item);
  });
});

describe('stored items', () => {
  const waiting: StoredItem = {
    ...CONTENT,
    id: 'i',
    isLeased: false,
    expireDeadline: NOON,
    createdAt: NOON,
    attempts: 0,
    maxAttempts: 0,
  };
  const leased: StoredItem = {
    ...waiting,
    sourceId: 's',
    isLeased: true,
    leaseDeadline: NOON,
    attempts: 2,
    maxAttempts: 3,
  };

  it('have the zero time as lease deadline if they are not leased, and no other unset time', () => {
    const wire = fromStoredItem(waiting);
    expect(wire).toMatchObject({ leaseDeadline: ZERO_TIME, sourceId: '' });
    expect(Object.keys(JSON.parse(textOf(codecs.StorageItem.toJson(wire))))).toEqual([
      'id',
      'lease_deadline',
      'expire_deadline',
      'created_at',
      'reference',
      'encoding',
      'kind',
      'payload',
    ]);
  });

  it('have their schedule if they are scheduled', () => {
    expect(toStoredItem(fromStoredItem({ ...waiting, enqueueAt: NOON })).enqueueAt).toBe(NOON);
  });

  it.each([waiting, leased])('keep their fields in both directions %#', (item) => {
    expect(toStoredItem(fromStoredItem(item))).toEqual({
      sourceId: undefined,
      leaseDeadline: undefined,
      enqueueAt: undefined,
      ...item,
    });
  });

  it('are imported without their id and creation time', () => {
    const { id: _, createdAt: __, ...rest } = leased;
    expect(toImportedItem(fromStoredItem(leased))).toEqual({ enqueueAt: undefined, ...rest });
  });

  it('are imported without a time that is absent or the zero time', () => {
    const empty = codecs.StorageItem.create();
    for (const time of [undefined, ZERO_TIME]) {
      expect(
        toImportedItem({ ...empty, leaseDeadline: time, expireDeadline: time, enqueueAt: time }),
      ).toMatchObject({
        sourceId: undefined,
        leaseDeadline: undefined,
        expireDeadline: undefined,
        enqueueAt: undefined,
      });
    }
  });

  it('keep 1970 as a time', () => {
    const item = codecs.StorageItem.create({ leaseDeadline: { seconds: 0, nanos: 0 } });
    expect(toImportedItem(item).leaseDeadline).toBe(0n);
  });
});

it('a queue is shown with canonical durations and both its times', () => {
  const queue: Queue = {
    name: 'q',
    namespace: '_system',
    deadQueue: '',
    reference: '',
    leaseTimeout: milliseconds(60_000),
    expireTimeout: milliseconds(24 * 3_600_000),
    maxAttempts: 0,
    requestedPartitions: 2,
    partitions: [{ partition: 0, storageName: 'secret-storage' }],
    createdAt: UNSET_INSTANT,
    updatedAt: NOON,
  };
  expect(JSON.parse(textOf(codecs.QueueInfo.toJson(fromQueue(queue))))).toEqual({
    queue_name: 'q',
    created_at: '0001-01-01T00:00:00Z',
    updated_at: '2026-09-21T14:13:20.123456Z',
    lease_timeout: '1m0s',
    expire_timeout: '24h0m0s',
    requested_partitions: 2,
    namespace: '_system',
  });
});

it('stats count the leased items among the total', () => {
  const stats = {
    waiting: 3,
    leased: 2,
    scheduled: 1,
    averageAge: milliseconds(1_500),
    headAge: milliseconds(2_000),
    averageLeaseLeft: milliseconds(0),
  };
  expect(fromPartitionStats(stats, { partition: 4, failures: 5 })).toEqual({
    partition: 4,
    total: 5,
    totalLeased: 2,
    failures: 5,
    averageAge: '1.5s',
    averageLeasedAge: '0s',
    scheduled: 1,
  });
});

import { describe, expect, test } from 'vitest';
import { codecsV2, timestampToDate } from '../src/index.ts';

const until = new Date('2026-03-04T05:06:07.089Z');
const untilOnTheWire = { seconds: 1_772_600_767, nanos: 89_000_000 };

describe('a message of fields as programs write them', () => {
  test('takes a Date for a time', () => {
    const { from } = codecsV2.QueuesPauseRequest;
    expect(from({ queueName: 'q', until })).toEqual(from({ queueName: 'q', until: untilOnTheWire }));
    expect(from({ until }).until).toEqual(untilOnTheWire);
    expect(from({ until: new Date(-1) }).until).toEqual({ seconds: -1, nanos: 999_000_000 });
  });

  test('takes an object for pairs of texts, also one without a prototype', () => {
    const { from } = codecsV2.ItemsFindRequest;
    const pairs = new Map([
      ['customer', '4711'],
      ['__proto__', 'a name like others'],
    ]);
    for (const metadata of [
      pairs,
      Object.fromEntries(pairs),
      Object.assign(Object.create(null), Object.fromEntries(pairs)),
    ]) {
      expect(from({ filter: { metadata } }).filter?.metadata).toEqual(pairs);
    }
  });

  test('takes both in lists and inner messages', () => {
    const { from } = codecsV2.QueueProduceRequest;
    const items = [{ utf8: 'a' }, { utf8: 'b', enqueueAt: until, metadata: { k: 'v' } }];
    expect(from({ queueName: 'q', items }).items).toMatchObject([
      { utf8: 'a', enqueueAt: undefined, metadata: new Map() },
      { utf8: 'b', enqueueAt: untilOnTheWire, metadata: new Map([['k', 'v']]) },
    ]);
    const range = codecsV2.ItemsFindRequest.from({ filter: { created: { from: until } } }).filter?.created;
    expect(range).toEqual({ from: untilOnTheWire, to: undefined });
  });

  test('leaves what it was given as it is', () => {
    const items = [Object.freeze({ utf8: 'b', enqueueAt: until, metadata: Object.freeze({ k: 'v' }) })];
    codecsV2.QueueProduceRequest.from(Object.freeze({ queueName: 'q', items: Object.freeze(items) }));
    expect(items[0]?.enqueueAt).toBe(until);
  });

  test.each([
    ['an invalid Date', new Date(Number.NaN)],
    ['a year after 9999', new Date(Date.UTC(10_000, 0))],
  ])('refuses %s, and names the field', (_, date) => {
    expect(() => codecsV2.QueuesPauseRequest.from({ until: date })).toThrow(
      'until is invalid; must be from 0001',
    );
    expect(() => codecsV2.QueueProduceRequest.from({ items: [{ enqueueAt: date }] })).toThrow(
      'enqueue_at is invalid',
    );
  });
});

test('a time on the wire is a Date again, rounded down to milliseconds', () => {
  expect(timestampToDate(untilOnTheWire)).toEqual(until);
  expect(timestampToDate({ seconds: -1, nanos: 999_999_999 })).toEqual(new Date(-1));
});

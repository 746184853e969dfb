import { describe, expect, test } from 'vitest';
import { codecs } from '../src/index.ts';

const LIMIT = 250_000;
const TEXT = 'items is invalid; cannot have more than 250000 elements';

/** The bytes of a message with `count` empty items, without creating the items. */
function protobufOf(codec: typeof codecs.QueueProduceRequest, count: number): Uint8Array {
  const one = codec.encode(codec.create({ items: [{}] }));
  const body = new Uint8Array(one.length * count);
  for (let n = 0; n < count; n++) body.set(one, n * one.length);
  return body;
}

const jsonOf = (count: number) => `{"items":[${'{},'.repeat(count - 1)}{}]}`;

describe.each(['QueueProduceRequest', 'StorageItemsImportRequest'] as const)('%s', (name) => {
  const codec = codecs[name] as typeof codecs.QueueProduceRequest;

  test('may have as many elements as an import needs', () => {
    expect(codec.decode(protobufOf(codec, LIMIT)).items).toHaveLength(LIMIT);
    expect(codec.fromJson(jsonOf(LIMIT)).items).toHaveLength(LIMIT);
  });

  test('is refused with more, naming the field, before its items are made', () => {
    // Without the limit, 5 MB of empty items took 800 MB and 10 s.
    const protobuf = protobufOf(codec, 2_500_000);
    expect(() => codec.decode(protobuf)).toThrow(TEXT);
    expect(() => codec.decode(protobufOf(codec, LIMIT + 1))).toThrow(TEXT);
    expect(() => codec.fromJson(jsonOf(LIMIT + 1))).toThrow(TEXT);
  });
});

test('lists within a message count together', () => {
  const codec = codecs.StorageItemsDeleteRequest;
  const ids = Array<string>(LIMIT).fill('');
  expect(codec.decode(codec.encode(codec.create({ ids }))).ids).toHaveLength(LIMIT);
  const more = codec.encode(codec.create({ ids: [...ids, ''] }));
  expect(() => codec.decode(more)).toThrow('ids is invalid; cannot have more than 250000 elements');
});

describe('with a rule', () => {
  const codec = codecs.QueueProduceRequest;
  const rule = () => ({ limit: 3, report: { elementsReceived: undefined as number | undefined } });

  test('makes as many elements as the rule allows, and counts all', () => {
    for (const count of [0, 3, 4, 1_000_000]) {
      const [binary, json] = [rule(), rule()];
      const made = Math.min(count, 3);
      expect(
        codec.decode(count === 0 ? new Uint8Array() : protobufOf(codec, count), binary).items,
      ).toHaveLength(made);
      expect(codec.fromJson(count === 0 ? '{}' : jsonOf(count), json).items).toHaveLength(made);
      const received = count > 3 ? count : undefined;
      expect([binary.report, json.report]).toEqual([
        { elementsReceived: received },
        { elementsReceived: received },
      ]);
    }
  });

  test('does not check what it skips, but finds its end', () => {
    const skipped = ['{"unknown":[{"a":"]}\\""}]}', '"]"', '[[],{}]', '12', 'null', '{}'];
    const limit = rule();
    const { items, requestTimeout } = codec.fromJson(
      `{"items":[{},{},{},${skipped.join(' , ')}],"request_timeout":"1s"}`,
      limit,
    );
    expect([items.length, requestTimeout, limit.report.elementsReceived]).toEqual([3, '1s', 9]);
    for (const broken of [',', '{', '"', '}', '!']) {
      expect(() => codec.fromJson(`{"items":[{},{},{},${broken}]}`, rule())).toThrow('syntax error');
    }
  });

  test('counts the entries of maps', () => {
    const reply = codecs.Reply.create({
      details: new Map([
        ['a', '1'],
        ['b', '2'],
        ['c', '3'],
        ['d', '4'],
      ]),
    } as never);
    const [binary, json] = [rule(), rule()];
    expect(codecs.Reply.decode(codecs.Reply.encode(reply), binary).details.size).toBe(3);
    expect(codecs.Reply.fromJson(codecs.Reply.toJson(reply), json).details.size).toBe(3);
    expect([binary.report.elementsReceived, json.report.elementsReceived]).toEqual([4, 4]);
  });
});

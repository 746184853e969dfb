import { describe, expect, test } from 'vitest';
import { codecs, codecsV2 } from '../src/index.ts';

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

  test('counts no entries of maps', () => {
    const metadata = new Map([...'abcd'].map((key) => [key, key]));
    const request = codecsV2.QueueProduceRequest.create({ items: [{ metadata }, { metadata }] });
    const [binary, json] = [rule(), rule()];
    const decoded = [
      codecsV2.QueueProduceRequest.decode(codecsV2.QueueProduceRequest.encode(request), binary),
      codecsV2.QueueProduceRequest.fromJson(codecsV2.QueueProduceRequest.toJson(request), json),
    ];
    for (const { items } of decoded) expect(items.map((item) => item.metadata.size)).toEqual([4, 4]);
    expect([binary.report, json.report]).toEqual([
      { elementsReceived: undefined },
      { elementsReceived: undefined },
    ]);
  });
});

test('more entries of maps than the limit are refused, with a rule or without', () => {
  const codec = codecsV2.QueueProduceRequest;
  const rule = { limit: 10_000, report: { elementsReceived: undefined } };
  const text = 'metadata is invalid; cannot have more than 250000 elements';
  /** Items with 250 entries each, and one entry more. */
  const requestOf = (items: number, more: number) => {
    const metadata = (count: number) => new Map(Array.from({ length: count }, (_, n) => [String(n), '']));
    const all = Array.from({ length: items }, () => ({ metadata: metadata(LIMIT / 1_000) }));
    return codec.create({ items: [...all, { metadata: metadata(more) }] });
  };
  expect(codec.decode(codec.encode(requestOf(1_000, 0))).items).toHaveLength(1_001);
  const tooMany = requestOf(1_000, 1);
  const [bytes, json] = [codec.encode(tooMany), codec.toJson(tooMany)];
  expect(() => codec.decode(bytes)).toThrow(text);
  expect(() => codec.decode(bytes, rule)).toThrow(text);
  expect(() => codec.fromJson(json)).toThrow(text);
  expect(() => codec.fromJson(json, rule)).toThrow(text);
});

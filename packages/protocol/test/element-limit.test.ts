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

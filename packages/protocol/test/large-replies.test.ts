import { SeededRandom } from '@querator/core/testing';
import { describe, expect, test } from 'vitest';
import { codecs, type MessageCodec, type WireFormat } from '../src/index.ts';

const MIB = 1_048_576;
const LONG_LIST = 1_000;

/** Encodes a message as a reply, and counts the pauses. */
async function encoded<T>(codec: MessageCodec<T>, format: WireFormat, message: T) {
  let pauses = 0;
  const body = codec.encodeReply(format, message, async () => {
    pauses++;
  });
  return { body: await body, pauses, isAtOnce: !(body instanceof Promise) };
}

function decoded<T>(codec: MessageCodec<T>, format: WireFormat, body: Uint8Array): T {
  return format === 'json' ? codec.fromJson(body) : codec.decode(body);
}

describe.each(['json', 'protobuf'] as const)('a reply in %s', (format) => {
  const codec = codecs.StorageItemsListResponse;
  const itemsOf = (count: number) =>
    codec.create({
      items: Array.from({ length: count }, (_, n) => ({
        id: `id-${n}`,
        payload: Buffer.from('abc'),
        attempts: n,
      })),
    });

  test.each([0, 1, LONG_LIST, LONG_LIST + 1, 3 * LONG_LIST])(
    'with a list of %i elements is written in parts',
    async (count) => {
      const { body, pauses, isAtOnce } = await encoded(codec, format, itemsOf(count));
      const whole = format === 'json' ? codec.toJson(itemsOf(count)) : codec.encode(itemsOf(count));
      expect(Buffer.from(body).equals(Buffer.from(whole))).toBe(true);
      expect(pauses).toBe(Math.max(0, Math.ceil(count / LONG_LIST) - 1));
      expect(isAtOnce).toBe(count <= LONG_LIST);
    },
  );

  test('keeps the fields besides a long list', async () => {
    const reply = codecs.QueueLeaseResponse.create({
      queueName: 'q',
      partition: 3,
      items: Array<object>(2 * LONG_LIST).fill({ kind: 'k' }),
    });
    const { body } = await encoded(codecs.QueueLeaseResponse, format, reply);
    const read = decoded(codecs.QueueLeaseResponse, format, body);
    expect([read.queueName, read.partition, read.items.length]).toEqual(['q', 3, 2 * LONG_LIST]);
  });

  test('with a payload of 48 MB is written in parts', async () => {
    const payload = Buffer.alloc(48_000_001, 'payload');
    const items = [{ id: 'a' }, { id: 'b', kind: 'k', payload, attempts: 2 }, { id: 'c' }];
    const { body, pauses } = await encoded(codec, format, codec.create({ items }));
    expect(pauses).toBeGreaterThanOrEqual(body.length / MIB);
    const [first, long, last] = decoded(codec, format, body).items;
    expect([first?.id, long?.id, long?.kind, long?.attempts, last?.id]).toEqual(['a', 'b', 'k', 2, 'c']);
    expect(payload.equals(long?.payload as Uint8Array)).toBe(true);
  });

  test('with three texts of 16 MB in one item is written in parts', async () => {
    const texts = { reference: 'é'.repeat(8_000_000), kind: '\n'.repeat(16_000_000), encoding: '' };
    texts.encoding = '\u{1f600}'.repeat(4_000_000);
    const message = codec.create({ items: [{ id: 'a', ...texts }] });
    const { body, pauses } = await encoded(codec, format, message);
    expect(pauses).toBeGreaterThanOrEqual(body.length / MIB);
    // Such texts are too long for a reader in one go.
    const [item] = (await codec.decodeLarge(format, body, async () => {})).items;
    expect(item?.id).toBe('a');
    for (const name of ['reference', 'kind', 'encoding'] as const)
      expect(item?.[name] === texts[name]).toBe(true);
  });

  test('means the same whether it is written at once or in parts', async () => {
    const random = new SeededRandom(3);
    const parts = [
      'a',
      'é',
      '😀',
      '\n',
      '"',
      '\\',
      '\ufeff',
      '\ufffd',
      '\ud83d',
      '\ude00',
      '\u2028',
      'abcdefgh',
    ];
    const text = (length: number) =>
      Array.from({ length }, () => parts[Math.floor(random.fraction() * parts.length)]).join('');
    const lengths = [0, 5, 100_000, 300_000, 20, 262_144, 0, 700_000];
    const items = lengths.flatMap((length) => [
      { id: text(10), reference: text(length), payload: Buffer.from(random.base62(length)), isLeased: true },
      ...Array.from({ length: 50 }, (_, n) => ({ id: `${n}`, payload: Buffer.alloc(n) })),
    ]);
    const message = codec.create({ items });
    const { body, isAtOnce } = await encoded(codec, format, message);
    expect(isAtOnce).toBe(false);
    const whole = format === 'json' ? codec.toJson(message) : codec.encode(message);
    expect(decoded(codec, format, body)).toEqual(decoded(codec, format, whole));
  });

  test('with texts that JSON makes six times as long is written in parts', async () => {
    const reference = '\u0001'.repeat(200_000);
    const items = Array.from({ length: 16 }, (_, n) => ({ id: `${n}`, reference }));
    const { body, isAtOnce } = await encoded(codec, format, codec.create({ items }));
    expect(isAtOnce).toBe(format === 'protobuf');
    expect(decoded(codec, format, body).items).toHaveLength(16);
  });
});

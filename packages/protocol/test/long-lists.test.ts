import { describe, expect, test } from 'vitest';
import { codecs, LONG_LIST } from '../src/index.ts';

describe.each(['json', 'protobuf'] as const)('a long list in %s', (format) => {
  const codec = codecs.StorageItemsListResponse;
  const messageOf = (count: number) =>
    codec.create({
      items: Array.from({ length: count }, (_, n) => ({
        id: `id-${n}`,
        payload: Buffer.from('abc'),
        attempts: n,
      })),
    });

  test.each([0, 1, LONG_LIST, LONG_LIST + 1, 3 * LONG_LIST])(
    'of %i elements is written in parts',
    async (count) => {
      let pauses = 0;
      const body = await codec.encodeLarge(format, messageOf(count), async () => {
        pauses++;
      });
      const whole = format === 'json' ? codec.toJson(messageOf(count)) : codec.encode(messageOf(count));
      expect(Buffer.from(body).equals(Buffer.from(whole))).toBe(true);
      expect(pauses).toBe(Math.max(0, Math.ceil(count / LONG_LIST) - 1));
    },
  );

  test('keeps the other fields', async () => {
    const reply = codecs.QueueLeaseResponse.create({
      queueName: 'q',
      partition: 3,
      items: Array<object>(2 * LONG_LIST).fill({ kind: 'k' }),
    });
    const body = await codecs.QueueLeaseResponse.encodeLarge(format, reply, async () => {});
    const read =
      format === 'json' ? codecs.QueueLeaseResponse.fromJson(body) : codecs.QueueLeaseResponse.decode(body);
    expect([read.queueName, read.partition, read.items.length]).toEqual(['q', 3, 2 * LONG_LIST]);
  });
});

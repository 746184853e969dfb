import { QueueError } from '@querator/core';
import { SeededRandom } from '@querator/core/testing';
import { describe, expect, test } from 'vitest';
import { codecs, type MessageCodec, type WireFormat } from '../src/index.ts';
import { hostileBodies, hostileCodec } from './hostile-bodies.ts';

const MIB = 1_048_576;
const rule = () => ({ limit: 65_536, report: { elementsReceived: undefined as number | undefined } });

/** Decodes a body as a large one, and counts the pauses. */
async function decodeLarge<T>(codec: MessageCodec<T>, format: WireFormat, body: Uint8Array) {
  const limit = rule();
  let pauses = 0;
  const pause = async () => {
    pauses++;
  };
  const result = await codec.decodeLarge(format, body, pause, limit).catch((error: unknown) => error);
  return { result, pauses, received: limit.report.elementsReceived };
}

/** Decodes a body in one go. */
function decode<T>(codec: MessageCodec<T>, format: WireFormat, body: Uint8Array): unknown {
  try {
    return format === 'json' ? codec.fromJson(body, rule()) : codec.decode(body, rule());
  } catch (error) {
    return error;
  }
}

const item = (reference: string, payload = new Uint8Array()) => ({
  reference,
  payload,
  kind: 'k',
  attempts: 1,
});
const importOf = (items: object[]) => codecs.StorageItemsImportRequest.create({ queueName: 'q', items });

describe('hostile bodies of 2.5 MB', () => {
  test.each(hostileBodies(2_500_000))('$name', async ({ format, body }) => {
    const { result, pauses } = await decodeLarge(hostileCodec, format, body);
    if (result instanceof Error) {
      expect(result).toBeInstanceOf(QueueError);
      expect(['content', 'invalid']).toContain((result as QueueError).code);
      expect(result.message.length).toBeLessThan(400);
      return;
    }
    // A payload in protobuf is a view, which takes no work.
    const isView = body.length > MIB && pauses === 1;
    if (!isView) expect(pauses).toBeGreaterThanOrEqual(Math.floor(body.length / (1.3 * MIB)));
    expect(result).toEqual(decode(hostileCodec, format, body));
  });
});

describe.each(['json', 'protobuf'] as const)('a large body in %s', (format) => {
  const encode = (message: ReturnType<typeof importOf>) =>
    format === 'json'
      ? codecs.StorageItemsImportRequest.toJson(message)
      : codecs.StorageItemsImportRequest.encode(message);

  test('means the same as in one go', async () => {
    const random = new SeededRandom(7);
    const parts = ['a', 'é', '😀', '\n', '"', '\\', '\ufeff', '\ufffd', '\u2028', 'abcdefgh'];
    const text = (length: number) =>
      Array.from({ length }, () => parts[Math.floor(random.fraction() * parts.length)]).join('');
    const lengths = [0, 5, 70_000, 300_000, 20, 65_536, 0, 600_000];
    const items = lengths.flatMap((length) => [
      item(text(length), Buffer.from(random.base62(length))),
      ...Array.from({ length: 3_000 }, (_, n) => item(`r${n}`, Buffer.from('abc'))),
    ]);
    const body = encode(importOf(items));
    const { result, pauses } = await decodeLarge(codecs.StorageItemsImportRequest, format, body);
    expect(result).toEqual(decode(codecs.StorageItemsImportRequest, format, body));
    const { items: decoded } = result as { items: { reference: string }[] };
    expect(decoded.map(({ reference }) => reference)).toEqual(items.map(({ reference }) => reference));
    expect(pauses).toBeGreaterThanOrEqual(2);
  });

  test('counts the elements beyond the limit', async () => {
    const items = Array<object>(70_000).fill({});
    const { result, received } = await decodeLarge(
      codecs.StorageItemsImportRequest,
      format,
      encode(importOf(items)),
    );
    expect((result as { items: unknown[] }).items).toHaveLength(65_536);
    expect(received).toBe(70_000);
  });

  test('has texts of up to 16,000,000 bytes', async () => {
    const longest = encode(importOf([item('é'.repeat(8_000_000))]));
    const { result } = await decodeLarge(codecs.StorageItemsImportRequest, format, longest);
    expect((result as { items: { reference: string }[] }).items[0]?.reference).toHaveLength(8_000_000);
    const longer = encode(importOf([item(`${'é'.repeat(8_000_000)}x`)]));
    const refused = await decodeLarge(codecs.StorageItemsImportRequest, format, longer);
    expect(String(refused.result)).toBe(
      "QueueError: reference is invalid; cannot be greater than '16000000' characters",
    );
  });
});

describe('JSON', () => {
  const blank = ' \n\t\r'.repeat(100_000);
  const long = 'x'.repeat(100_000);
  const faulty: [string, string][] = [
    ['a missing comma', '{"items":[{} {}]}'],
    ['a comma too many', '{"items":[{},]}'],
    ['no end', '{"items":[{}'],
    ['an end too many', '{"items":[{}]}}'],
    ['brackets that do not match', '{"items":[{]}]}'],
    ['data after the message', '{"items":[]} x'],
    ['a long string in the place of a list', `{"items":"${long}"}`],
    ['a long string in the place of a number', `{"partition":"${long}"}`],
    ['a long name', `{"${long}":1}`],
    ['a control character in a long string', `{"queue_name":"${long}\u0001"}`],
    ['a control character outside of strings', '{"queue_name":\u0001}'],
    ['a broken escape in a long string', `{"queue_name":"${long}\\u00"}`],
    ['half a surrogate pair in a long string', `{"queue_name":"${long}\\ud800"}`],
    ['a long string that is no base64', `{"items":[{"payload":"${long}!"}]}`],
    ['a field twice', '{"partition":1,"partition":1}'],
  ];

  test.each(faulty)('with %s is refused, large or not', async (_, text) => {
    const body = Buffer.from(text.replace('{', `{${blank}`));
    expect(decode(hostileCodec, 'json', body)).toMatchObject({ code: 'content' });
    expect((await decodeLarge(hostileCodec, 'json', body)).result).toMatchObject({ code: 'content' });
  });

  test('names the element of an error', async () => {
    const body = Buffer.from(`{"items":[${'{},'.repeat(60_000)}{"attempts":"x"}]}`);
    const { result } = await decodeLarge(hostileCodec, 'json', body);
    expect(String(result)).toContain('(in items, element 60000)');
  });

  test('may have a byte order mark and a lot of white space', async () => {
    const body = Buffer.from(
      `\ufeff${blank}{${blank}"queue_name"${blank}:"q"${blank},"items":[ {} ,${blank}{}]}${blank}`,
    );
    const { result } = await decodeLarge(hostileCodec, 'json', body);
    expect(result).toEqual(hostileCodec.create({ queueName: 'q', items: [{}, {}] }));
  });

  test('keeps a U+FEFF at the start of a part of a long string', async () => {
    const reference = '\ufeff'.repeat(500_000);
    const body = codecs.StorageItemsImportRequest.toJson(importOf([item(reference)]));
    const { result } = await decodeLarge(codecs.StorageItemsImportRequest, 'json', body);
    expect(result).toEqual(importOf([item(reference)]));
  });
});

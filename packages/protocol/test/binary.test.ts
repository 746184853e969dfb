import { describe, expect, it } from 'vitest';
import { codecs, codecsV2, decodeBody } from '../src/index.ts';
import { errorOf, hex } from './support.ts';

const { QueueProduceRequest, QueueProduceItem, QueueLeaseRequest, QueueRetryItem, QueueClearRequest } =
  codecs;

const GOLDEN = [
  {
    name: 'a produce request',
    actual: QueueProduceRequest.encode(
      QueueProduceRequest.create({
        queueName: 'q',
        requestTimeout: '1m',
        items: [
          { kind: 'k', bytes: Uint8Array.of(1, 2) },
          { enqueueAt: { seconds: 1, nanos: 2 }, utf8: 'ä' },
        ],
      }),
    ),
    bytes: '0a0171 1202316d 1a07 12016b 2a020102 1a0a 2204 0801 1002 3202c3a4',
  },
  {
    name: 'an import response, whose items are field 2',
    actual: codecs.StorageItemsImportResponse.encode(
      codecs.StorageItemsImportResponse.create({
        items: [{ id: 'i', sourceId: 's', payload: Uint8Array.of(9) }],
      }),
    ),
    bytes: '1209 0a0169 120173 7a0109',
  },
  {
    name: 'a negative int32, which takes ten bytes',
    actual: QueueLeaseRequest.encode(QueueLeaseRequest.create({ batchSize: -1 })),
    bytes: '10 ffffffffffffffffff01',
  },
  {
    name: 'the zero time of Go',
    actual: QueueRetryItem.encode(QueueRetryItem.create({ retryAt: { seconds: -62135596800, nanos: 0 } })),
    bytes: '120b 08 8092b8c398feffffff01',
  },
  {
    name: 'a time of these days',
    actual: QueueRetryItem.encode(QueueRetryItem.create({ retryAt: { seconds: 1_790_000_000, nanos: 5 } })),
    bytes: '1208 08 80f7c4d506 1005',
  },
  {
    name: 'stats, whose fields start at 6',
    actual: codecs.QueueLogicalStats.encode(
      codecs.QueueLogicalStats.create({ produceWaiting: 1, inFlight: 2 }),
    ),
    bytes: '3001 5002',
  },
];

describe('encode', () => {
  it.each(GOLDEN)('$name', ({ actual, bytes }) => {
    expect(Buffer.from(actual).toString('hex')).toBe(bytes.replaceAll(' ', ''));
  });

  it('writes nothing for an empty message', () => {
    expect(codecs.QueuesListResponse.encode({ items: [] })).toHaveLength(0);
  });
});

describe('decode', () => {
  it('reads an empty body as an empty message', () => {
    expect(decodeBody(QueueProduceRequest, 'protobuf', new Uint8Array(0))).toEqual(
      QueueProduceRequest.create(),
    );
  });

  it.each([
    ['a varint', '8806 05'],
    ['64 bits', '8906 0102030405060708'],
    ['text', '8a06 03ffffff'],
    ['32 bits', '8d06 01020304'],
    ['a group', '8b06 0805 8c06'],
    ['groups in a group', '8b06 8b06 0a0161 8c06 8c06'],
    ['a known number with another wire type', '08 05'],
    ['the greatest field number', 'f8ffffff0f 00'],
  ])('skips an unknown field: %s', (_, bytes) => {
    const body = hex(`${bytes} 1202316d ${bytes}`);
    expect(QueueProduceRequest.decode(body)).toEqual(QueueProduceRequest.create({ requestTimeout: '1m' }));
  });

  it('uses the last value of a field that occurs twice, and adds to a list', () => {
    expect(QueueProduceRequest.decode(hex('0a0161 1a00 0a0162 1a00'))).toMatchObject({
      queueName: 'b',
      items: [{}, {}],
    });
  });

  it.each([
    ['10 ffffffffffffffffff01', -1],
    ['10 ffffffff0f', -1],
    ['10 8080808010', 0],
    ['10 00', 0],
  ])('reads %s as the int32 %d', (bytes, value) => {
    expect(QueueLeaseRequest.decode(hex(bytes)).batchSize).toBe(value);
  });

  it.each([
    ['28 00', 0],
    ['28 ffffffffffffff0f', Number.MAX_SAFE_INTEGER],
    ['28 ffffffffffffffffff01', -1],
    ['28 8180808080808070 ', undefined],
    ['28 ffffffffffffffff7f', undefined],
  ])('reads %s as the int64 %d, if a number can hold it', (bytes, value) => {
    const read = () => codecsV2.QuotaLimits.decode(hex(bytes)).requestsPerSecond;
    if (value === undefined) expect(read).toThrow('requests_per_second is invalid');
    else expect(read()).toBe(value);
  });

  it.each([
    ['18 01', true],
    ['18 00', false],
    ['18 8001', true],
  ])('reads %s as the bool %s', (bytes, value) => {
    expect(QueueClearRequest.decode(hex(bytes)).scheduled).toBe(value);
  });

  it('returns payloads as views on the body', () => {
    const body = Uint8Array.from(hex('1a04 2a020102'));
    const payload = QueueProduceRequest.decode(body).items[0]?.bytes;
    expect(payload?.buffer).toBe(body.buffer);
    expect([...(payload ?? [])]).toEqual([1, 2]);
  });

  it.each([
    ['text beyond the end', '0a 05 61'],
    ['a tag without a value', '0a'],
    ['a cut tag', '80'],
    ['field number 0', '00'],
    ['field number 0 with a length', '02 00'],
    ['a zero at the end', '0a0161 00'],
    ['a zero inside an item', '1a03 120100 1a01 00'],
    ['a field number beyond the greatest', '80808080 10 00'],
    ['an end of no group', '0c'],
    ['an end of no group in an item', '1a01 0c'],
    ['a group without an end', '8b06 0805'],
    ['a group with another end', '8b06 9406'],
    ['wire type 6', '0e 00'],
    ['wire type 7', '0f 00'],
    ['a varint of eleven bytes', '10 ffffffffffffffffffff01'],
    ['a varint of 65 bits', '10 ffffffffffffffffff02'],
    ['a cut varint', '10 80'],
    ['cut 32 bits', '0d 010203'],
    ['cut 64 bits', '09 01020304050607'],
    ['an item beyond the end', '1a05 120161'],
    ['a text beyond its item', '1a02 1205 6161616161'],
    ['a length of 2^32 − 1', '0a ffffffff0f'],
    ['a length of more than 32 bits', '0a ffffffff1f'],
    ['a time beyond its item', '1a02 2204 08011002'],
    ['a text in a time', '1a04 2202 0a05'],
    ['JSON', Buffer.from('{"queue_name":"q"}').toString('hex')],
  ])('refuses %s', (_, bytes) => {
    expect(errorOf(() => QueueProduceRequest.decode(hex(bytes)))).toMatchObject({
      code: 'content',
      message: 'proto: cannot parse invalid wire-format data',
    });
  });

  it('refuses endless groups before the stack overflows', () => {
    const body = Buffer.alloc(200_000, hex('8b06'));
    expect(errorOf(() => QueueProduceRequest.decode(body)).code).toBe('content');
  });

  it.each([
    ['queue_name', '0a01ff'],
    ['request_timeout', '1202c328'],
    ['kind', '1a03 1201ff'],
    ['encoding', '1a00 1a05 0a03 eda080'],
    ['reference', '1a05 1a03 e28261'],
    ['utf8', '1a06 3204 f4908080'],
    ['utf8', '1a06 3204 c3a4c3c3'],
  ])('names the text that is not UTF-8: %s', (name, bytes) => {
    expect(errorOf(() => QueueProduceRequest.decode(hex(bytes)))).toMatchObject({
      code: 'invalid',
      message: `${name} is invalid; must be valid UTF-8`,
    });
  });

  it('names the text in a list, and in a map', () => {
    expect(errorOf(() => codecs.QueueCompleteRequest.decode(hex('2201ff'))).message).toBe(
      'ids is invalid; must be valid UTF-8',
    );
    expect(errorOf(() => codecs.Reply.decode(hex('2206 0a0161 1201ff'))).message).toBe(
      'details is invalid; must be valid UTF-8',
    );
  });

  it('reads an entry of a map under any name', () => {
    const details = new Map([
      ['__proto__', 'a'],
      ['constructor', 'b'],
    ]);
    const body = codecs.Reply.encode(codecs.Reply.create({ details }));
    expect(codecs.Reply.decode(body).details).toEqual(details);
  });

  it('accepts all valid UTF-8', () => {
    const text = `ä€😀\u0000\ufffd\ufeff${'x'.repeat(100)}\ufeff`;
    const body = codecs.QueuesInfoRequest.encode({ queueName: text });
    expect(codecs.QueuesInfoRequest.decode(body).queueName).toBe(text);
  });

  it('keeps a BOM at the start of a text', () => {
    const body = codecs.QueuesInfoRequest.encode({ queueName: '\ufeffa' });
    expect(codecs.QueuesInfoRequest.decode(body).queueName).toBe('\ufeffa');
  });

  it.each([
    ['year 0', { seconds: -62_135_596_801, nanos: 0 }],
    ['year 10000', { seconds: 253_402_300_800, nanos: 0 }],
    ['negative nanos', { seconds: 0, nanos: -1 }],
    ['a second of nanos', { seconds: 0, nanos: 1e9 }],
    ['far beyond', { seconds: Number.MAX_SAFE_INTEGER, nanos: 0 }],
  ])('names the time that is out of range: %s', (_, enqueueAt) => {
    const body = QueueProduceItem.encode(QueueProduceItem.create({ enqueueAt }));
    expect(errorOf(() => QueueProduceItem.decode(body))).toMatchObject({
      code: 'invalid',
      message: 'enqueue_at is invalid; must be from 0001-01-01T00:00:00Z to 9999-12-31T23:59:59.999999999Z',
    });
  });

  it.each(['220a 08 ffffffffffffffff7f', '220b 08 80808080808080808001'])(
    'names a time of 64 bits: %s',
    (bytes) => {
      expect(errorOf(() => QueueProduceItem.decode(hex(bytes))).code).toBe('invalid');
    },
  );
});

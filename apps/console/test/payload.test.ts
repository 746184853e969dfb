import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { hexLines } from '../src/payload/hex-lines.ts';
import { indentJson } from '../src/payload/indent-json.ts';
import { Payload } from '../src/payload/payload-views.ts';
import { protobufFields } from '../src/payload/protobuf-fields.ts';

const base64 = (bytes: Uint8Array | string) => Buffer.from(bytes).toString('base64');

describe('JSON', () => {
  test('keeps every digit and every escape', () => {
    expect(indentJson('{"id":12345678901234567890,"a":[1.10,{}],"t":"\\u0041, {","e":[]}')).toBe(
      [
        '{',
        '  "id": 12345678901234567890,',
        '  "a": [',
        '    1.10,',
        '    {}',
        '  ],',
        '  "t": "\\u0041, {",',
        '  "e": []',
        '}',
      ].join('\n'),
    );
  });

  test('is laid out as JSON.stringify does, where both can', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        const value = JSON.parse(text);
        expect(indentJson(JSON.stringify(value))).toBe(JSON.stringify(value, null, 2));
      }),
    );
  });

  test('that is broken is no JSON', () => {
    expect(indentJson('{"a":1')).toBeUndefined();
  });
});

test('hex has offsets, bytes and characters', () => {
  expect(hexLines(Buffer.from('hello, world 1234'))).toBe(
    [
      '00000000  68 65 6c 6c 6f 2c 20 77  6f 72 6c 64 20 31 32 33  hello, world 123',
      '00000010  34                                                4',
    ].join('\n'),
  );
});

describe('protobuf', () => {
  test('is read without its definition, with all digits', () => {
    const bytes = Buffer.from([
      ...[0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
      ...[0x12, 0x02, 0x68, 0x69],
      ...[0x1a, 0x02, 0x08, 0x01],
      ...[0x25, 0x00, 0x00, 0x80, 0x3f],
    ]);
    expect(protobufFields(bytes)).toEqual([
      { number: 1, type: 'varint', value: '18446744073709551615' },
      { number: 2, type: 'text', value: 'hi' },
      { number: 3, type: 'message', value: '', fields: [{ number: 1, type: 'varint', value: '1' }] },
      { number: 4, type: '32 bits', value: '1065353216 (as a real number: 1)' },
    ]);
  });

  test('that ends too early, or is something else, is none', () => {
    expect(protobufFields(Buffer.from([0x08]))).toBeUndefined();
    expect(protobufFields(Buffer.from('{"a":1}'))).toBeUndefined();
    fc.assert(fc.property(fc.uint8Array(), (bytes) => void protobufFields(bytes)));
  });
});

describe('the best view', () => {
  test.each([
    ['{"a":1}', '', 'json'],
    ['plain words', '', 'text'],
    ['{"a":', 'application/json', 'text'],
    ['\u0008\u0001', 'application/protobuf', 'fields'],
  ])('of %j, encoded as %j, is %s', (content, encoding, view) => {
    expect(new Payload(base64(content), encoding).best).toBe(view);
  });

  test('of bytes that are nothing known is hex', () => {
    expect(new Payload(base64(Buffer.from([0xff, 0xfe, 0x00])), '').best).toBe('hex');
  });
});

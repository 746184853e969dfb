import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type ParsedReply, ReplyParser } from '../../src/transport/http/reply-parser.ts';

const SIZED = 'HTTP/1.1 200 OK\r\nContent-Type: a/b\r\nContent-Length: 5\r\n\r\nhello';
const CHUNKED =
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x="y"\r\nhel\r\n02 \r\nlo\r\n0\r\nX-Sum: 1\r\n\r\n';

/** Parses a reply that arrives in these pieces, until the first one that completes it. */
function parse(pieces: readonly string[], parser = new ReplyParser()): ParsedReply | undefined {
  for (const piece of pieces) {
    const parsed = parser.take(Buffer.from(piece, 'latin1'));
    if (parsed !== undefined) return parsed;
  }
  return undefined;
}

/** What a reply says, as plain data. */
function shown(parsed: ParsedReply | undefined) {
  if (parsed === undefined) return undefined;
  const { reply, isReusable } = parsed;
  return { status: reply.status, type: reply.contentType, text: String(reply.body), isReusable };
}

describe('a reply', () => {
  test.each([
    ['of a known length', SIZED, { type: 'a/b', text: 'hello' }],
    ['in chunks, with extensions and trailers', CHUNKED, { type: '', text: 'hello' }],
    ['in chunks, with its coding in capitals', CHUNKED.replace('chunked', 'Chunked'), { text: 'hello' }],
    ['without a body', 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n', { text: '' }],
    ['whose status has no body', 'HTTP/1.1 204 No Content\r\n\r\n', { status: 204, text: '' }],
    ['whose status has no body, with a length', 'HTTP/1.1 304 X\r\nContent-Length: 9\r\n\r\n', { text: '' }],
    ['without a reason', SIZED.replace('200 OK', '452'), { status: 452, text: 'hello' }],
    [
      'after interim replies',
      `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 E\r\nLink: x\r\n\r\n${SIZED}`,
      { text: 'hello' },
    ],
  ])('%s is read', (_, bytes, expected) => {
    expect(shown(parse([bytes]))).toMatchObject({ isReusable: true, ...expected });
  });

  test('is the same however its bytes are cut', () => {
    const replies = [SIZED, CHUNKED, `HTTP/1.1 100 Continue\r\n\r\n${CHUNKED}`];
    fc.assert(
      fc.property(fc.constantFrom(...replies), fc.array(fc.nat(200)), (bytes, cuts) => {
        const places = [0, ...cuts.map((cut) => cut % bytes.length).sort((a, b) => a - b), bytes.length];
        const pieces = places.slice(1).map((place, n) => bytes.slice(places[n], place));
        // Node never delivers an empty piece.
        expect(shown(parse(pieces.filter((piece) => piece !== '')))).toEqual(shown(parse([bytes])));
      }),
    );
  });

  test('of any bytes is read as it was sent, in chunks of any size', () => {
    const bytes = fc.uint8Array({ maxLength: 300 }).map((content) => Buffer.from(content));
    fc.assert(
      fc.property(fc.array(bytes, { maxLength: 6 }), fc.integer({ min: 1, max: 50 }), (chunks, size) => {
        const full = chunks.filter((chunk) => chunk.length > 0);
        const wire = Buffer.concat([
          Buffer.from('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'),
          ...full.flatMap((chunk) => [
            Buffer.from(`${chunk.length.toString(16)}\r\n`),
            chunk,
            Buffer.from('\r\n'),
          ]),
          Buffer.from('0\r\n\r\n'),
        ]);
        const parser = new ReplyParser();
        let parsed: ParsedReply | undefined;
        for (let at = 0; at < wire.length; at += size) parsed = parser.take(wire.subarray(at, at + size));
        expect(Buffer.compare(Buffer.from(parsed?.reply.body ?? []), Buffer.concat(full))).toBe(0);
        expect(parsed?.isReusable).toBe(true);
      }),
    );
  });

  test('without a length ends with its connection', () => {
    const parser = new ReplyParser();
    expect(parse(['HTTP/1.1 200 OK\r\nContent-Type: x/y\r\n\r\nhel', 'lo'], parser)).toBeUndefined();
    expect(shown(parser.end())).toEqual({ status: 200, type: 'x/y', text: 'hello', isReusable: false });
  });

  test.each([SIZED, CHUNKED])('that is cut short is none', (bytes) => {
    for (let length = 0; length < bytes.length; length++) {
      const parser = new ReplyParser();
      if (length > 0) expect(parse([bytes.slice(0, length)], parser)).toBeUndefined();
      expect(parser.end()).toBeUndefined();
    }
  });

  test('is followed by the next one of its connection', () => {
    const parser = new ReplyParser();
    expect(shown(parse([CHUNKED], parser))).toMatchObject({ text: 'hello' });
    expect(shown(parse([SIZED], parser))).toMatchObject({ text: 'hello', type: 'a/b' });
  });

  test('with bytes after its end is read, and its connection is not used again', () => {
    for (const bytes of [SIZED, CHUNKED]) {
      expect(shown(parse([`${bytes}x`]))).toMatchObject({ text: 'hello', isReusable: false });
    }
  });

  test('has its headers by any case, trimmed, and repeated ones joined', () => {
    const parsed = parse([
      'HTTP/1.1 200 OK\r\nX-One: \t a b \r\nx-TWO:1\r\nX-Two:2\r\nEmpty:\r\nContent-Length: 0\r\n\r\n',
    ]);
    const names = ['X-ONE', 'x-two', 'empty', 'absent'];
    expect(names.map((name) => parsed?.reply.header(name))).toEqual(['a b', '1, 2', '', undefined]);
  });

  test.each([
    ['timeout=5', 5],
    ['max=3, timeout=60', 60],
    ['max=3', undefined],
    ['x-timeout=4', undefined],
  ])('tells how long its connection stays open: %s', (value, idleSeconds) => {
    expect(parse([SIZED.replace('Content-Type: a/b', `Keep-Alive: ${value}`)])?.idleSeconds).toBe(
      idleSeconds,
    );
  });
});

describe('refused is', () => {
  const headed = (headers: string) => `HTTP/1.1 200 OK\r\n${headers}\r\n\r\n`;
  const chunks = (bytes: string) => headed('Transfer-Encoding: chunked') + bytes;

  test.each([
    ['another protocol', 'SSH-2.0-x\r\n\r\n', 'status line'],
    ['HTTP/2', 'HTTP/2 200\r\n\r\n', 'status line'],
    ['a status of two digits', 'HTTP/1.1 99 X\r\n\r\n', 'status line'],
    ['a change of the protocol', 'HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n', 'changes the protocol'],
    ['a header without a colon', headed('Content-Length 0'), 'header 1'],
    ['a header with a space in its name', headed('A: b\r\nContent-Length : 0'), 'header 2'],
    ['a header that goes on in the next line', headed('A: b\r\n c'), 'header 2'],
    ['a header with a lone line feed', headed('A: b\nContent-Length: 0'), 'header 1'],
    ['a negative length', headed('Content-Length: -1'), 'Content-Length'],
    ['a length that is not whole', headed('Content-Length: 1.0'), 'Content-Length'],
    ['an empty length', headed('Content-Length:'), 'Content-Length'],
    ['a length of 16 digits', headed('Content-Length: 1000000000000000'), 'Content-Length'],
    ['two lengths', headed('Content-Length: 0\r\nContent-Length: 0'), 'Content-Length'],
    ['a length and chunks', headed('Content-Length: 0\r\nTransfer-Encoding: chunked'), 'both'],
    ['another coding', headed('Transfer-Encoding: gzip, chunked'), 'not chunked'],
    ['a chunk without a size', chunks('\r\n'), 'size of a chunk'],
    ['a chunk with a negative size', chunks('-1\r\n'), 'size of a chunk'],
    ['a chunk of 13 digits', chunks('1000000000000\r\n'), 'size of a chunk'],
    ['a chunk longer than its size', chunks('2\r\nabc\r\n'), 'longer than its size'],
    ['a line of chunks without its carriage return', chunks('2\nab'), 'no end'],
    ['a long line of chunks', chunks(`1;${'x'.repeat(4_100)}`), 'too long'],
    ['long trailers', chunks(`0\r\n${`X: ${'y'.repeat(1_000)}\r\n`.repeat(17)}`), 'trailers'],
    ['a long head', `HTTP/1.1 200 OK\r\nX: ${'y'.repeat(16_400)}`, 'headers are too long'],
    ['a long head that has its end', headed(`X: ${'y'.repeat(16_400)}`), 'headers are too long'],
  ])('%s', (_, bytes, fault) => {
    expect(() => parse([bytes])).toThrow(fault);
    // Byte by byte as well.
    expect(() => parse([...bytes])).toThrow(fault);
  });
});

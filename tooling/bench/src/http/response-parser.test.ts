import { describe, expect, test } from 'vitest';
import { ResponseParser } from './response-parser.ts';

const reply = (body: string, status = 200) =>
  Buffer.from(`HTTP/1.1 ${status} OK\r\nContent-Type: x\r\ncontent-length: ${body.length}\r\n\r\n${body}`);

describe('a reply', () => {
  test('may arrive in one piece', () => {
    const { status, body } = new ResponseParser().push(reply('hello', 454)) ?? {};
    expect([status, body?.toString()]).toEqual([454, 'hello']);
  });

  test('may be cut at any place, in a buffer that is reused', () => {
    const bytes = reply('hello');
    for (let cut = 1; cut < bytes.length; cut++) {
      const parser = new ResponseParser();
      const buffer = Buffer.alloc(bytes.length);
      const first = buffer.subarray(0, bytes.copy(buffer, 0, 0, cut));
      expect(parser.push(first)).toBeUndefined();
      const second = buffer.subarray(0, bytes.copy(buffer, 0, cut));
      expect(parser.push(second)?.body.toString()).toBe('hello');
    }
  });

  test('may arrive byte by byte, and the next one after it', () => {
    const parser = new ResponseParser();
    for (const text of ['first', '', 'third']) {
      const replies = [...reply(text)].map((byte) => parser.push(Buffer.from([byte])));
      expect(replies.filter((each) => each !== undefined).map(({ body }) => body.toString())).toEqual([text]);
    }
  });

  test('without a length, or longer than its length, is an error', () => {
    const chunked = Buffer.from('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n');
    expect(() => new ResponseParser().push(chunked)).toThrow(/not a reply with a length/);
    expect(() => new ResponseParser().push(Buffer.concat([reply('a'), reply('b')]))).toThrow(/more bytes/);
  });
});

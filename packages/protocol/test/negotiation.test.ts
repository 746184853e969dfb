import { describe, expect, it } from 'vitest';
import { negotiateReply, negotiateRequest } from '../src/index.ts';

const UNDERSTOOD: readonly (readonly [string | undefined | null, string])[] = [
  [undefined, 'json'],
  [null, 'json'],
  ['', 'json'],
  ['  ', 'json'],
  ['*/*', 'json'],
  ['application/*', 'json'],
  ['application/json', 'json'],
  ['application/json; charset=utf-8', 'json'],
  ['Application/JSON', 'json'],
  ['application/protobuf', 'protobuf'],
  [' APPLICATION/PROTOBUF ;x=1', 'protobuf'],
  ['application/protobuf, text/html', 'protobuf'],
  ['application/json;q=0.1, application/protobuf;q=1', 'json'],
];

describe('negotiateRequest', () => {
  it.each(UNDERSTOOD)('reads %j as %s', (header, format) => {
    expect(negotiateRequest(header)).toBe(format);
  });

  it.each([
    'application/x-protobuf',
    'application/octet-stream',
    'text/plain; charset=utf-8',
    'application/x-www-form-urlencoded',
    'json',
  ])('refuses %s, naming the whole header', (header) => {
    expect(() => negotiateRequest(header)).toThrow(
      expect.objectContaining({
        code: 'content',
        message: `Content-Type header '${header}' is invalid format or unrecognized content type`,
      }),
    );
  });
});

describe('negotiateReply', () => {
  it.each(UNDERSTOOD)('answers %j in %s', (header, format) => {
    expect(negotiateReply(header)).toBe(format);
  });

  it.each([
    ['text/html, application/json', 'text/html'],
    ['Text/HTML;q=0.9', 'text/html'],
    ['application/x-protobuf', 'application/x-protobuf'],
  ])('refuses %s, naming its first type', (header, named) => {
    expect(() => negotiateReply(header)).toThrow(
      expect.objectContaining({
        code: 'content',
        message:
          `Accept header '${named}' is invalid format or unrecognized content type, ` +
          'only [application/json,application/protobuf] are supported by this method',
      }),
    );
  });
});

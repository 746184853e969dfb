import {
  ERROR_CODES,
  type ErrorCode,
  invalid,
  metadataUnavailable,
  QueueError,
  StorageError,
} from '@querator/core';
import { describe, expect, it } from 'vitest';
import {
  codecs,
  ERROR_STATUSES,
  errorCodeOf,
  errorFromReply,
  errorReply,
  methodNotAllowed,
  SUCCESS_REPLY,
  unknownMethod,
} from '../src/index.ts';

const ROWS: readonly (readonly [ErrorCode, number, string])[] = [
  ['invalid', 400, 'Bad Request'],
  ['unauthenticated', 401, 'Unauthorized'],
  ['forbidden', 403, 'Forbidden'],
  ['limited', 429, 'Too Many Requests'],
  ['failed', 453, 'Request Failed'],
  ['retry', 454, 'Retry Request'],
  ['content', 455, 'Client Content Error'],
  ['internal', 500, 'Internal Service Error'],
  ['unknown_method', 501, 'Not Implemented'],
];

describe('error replies', () => {
  it.each(ROWS)('%s is %d %s, in both directions', (code, status, codeText) => {
    expect(ERROR_STATUSES[code]).toEqual({ status, codeText });
    expect(errorCodeOf(status)).toBe(code);
    const reply = errorReply(new QueueError(code, 'words'));
    expect(reply).toMatchObject({ code: status, codeText });
    const error = errorFromReply(reply);
    expect(error.code).toBe(code);
    expect(error.retryable).toBe(ERROR_CODES[code].retryable);
  });

  it('have every code', () => {
    expect(ROWS.map(([code]) => code).sort()).toEqual(Object.keys(ERROR_CODES).sort());
  });

  it('carry the message of a QueueError', () => {
    expect(errorReply(invalid('limit is invalid; limit cannot be negative')).message).toBe(
      'limit is invalid; limit cannot be negative',
    );
  });

  it.each([
    ['an internal error', new QueueError('internal', 'password=secret')],
    ['an error of storage', new StorageError('host db1 refused', { outcome: 'unknown' })],
    ['any error', new TypeError('x is undefined')],
    ['what is no error', 'secret'],
    ['nothing', undefined],
  ])('reveal nothing of %s', (_, error) => {
    expect(errorReply(error)).toEqual({
      code: 500,
      codeText: 'Internal Service Error',
      message: 'Internal Error',
      details: new Map(),
    });
  });

  it.each([429, 502, 503, 504])('%d of a proxy may be tried again', (status) => {
    expect(new QueueError(errorCodeOf(status), '').retryable).toBe(true);
  });

  it('carry the reason and the delay of a QueueError, in both directions', () => {
    const error = new QueueError('limited', 'too fast', { reason: 'over_limit', retryAfterMs: 1_500 });
    const reply = errorReply(error);
    expect([...reply.details]).toEqual([
      ['code', 'over_limit'],
      ['retry_after', '1.5s'],
    ]);
    expect(errorFromReply(reply)).toMatchObject({ reason: 'over_limit', retryAfterMs: 1_500 });
  });

  it('carry what is missing, in both directions', () => {
    const reply = errorReply(metadataUnavailable('no column'));
    expect([...reply.details]).toEqual([
      ['code', 'unavailable'],
      ['missing', 'metadata'],
    ]);
    expect(errorFromReply(reply)).toMatchObject({ code: 'retry', missing: 'metadata' });
  });

  it.each(['soon', '', '1'])('ignore the delay %j of another server', (text) => {
    const reply = { ...errorReply(invalid('no')), details: new Map([['retry_after', text]]) };
    expect(errorFromReply(reply).retryAfterMs).toBeUndefined();
  });

  it.each([404, 409, 452])('%d of a proxy may not be tried again', (status) => {
    expect(new QueueError(errorCodeOf(status), '').retryable).toBe(false);
  });

  it('look as clients expect', () => {
    const reply = errorReply(invalid('no'));
    expect(Buffer.from(codecs.Reply.toJson(reply)).toString()).toBe(
      '{"code":400,"code_text":"Bad Request","message":"no"}',
    );
    expect(codecs.Reply.decode(codecs.Reply.encode(reply))).toEqual(reply);
  });

  it('have texts for methods and paths', () => {
    expect(unknownMethod('/v1/x')).toMatchObject({
      code: 'unknown_method',
      message: 'no such method; /v1/x',
    });
    expect(methodNotAllowed('GET')).toMatchObject({
      code: 'invalid',
      message: "http method 'GET' not allowed; only POST",
    });
  });
});

it('success is {"code":200}, or 08 c8 01', () => {
  expect(Buffer.from(codecs.Reply.toJson(SUCCESS_REPLY)).toString()).toBe('{"code":200}');
  expect(Buffer.from(codecs.Reply.encode(SUCCESS_REPLY)).toString('hex')).toBe('08c801');
});

import { describe, expect, test } from 'vitest';
import { callHeadersBy } from '../../src/http/call/call-headers.ts';
import { cookieIn, setCookie } from '../../src/http/session/session-cookie.ts';

const HEADERS = callHeadersBy(() => undefined);
const PLAIN = 'querator_session=x; Path=/; HttpOnly; SameSite=Strict; Max-Age=60';

describe('the cookie of a session', () => {
  test.each([
    ['plain HTTP', {}, PLAIN],
    ['TLS', { connection: { encrypted: true } }, `${PLAIN}; Secure`],
    ['HTTPS before a proxy', { forwardedProto: 'https' }, `${PLAIN}; Secure`],
    ['a proxy that says HTTP', { forwardedProto: 'http, https' }, PLAIN],
    ['a page of an HTTPS address', { origin: 'https://queue.example' }, `${PLAIN}; Secure`],
    ['a page of an HTTP address', { origin: 'http://https' }, PLAIN],
  ])('over %s', (_, changes, expected) => {
    expect(setCookie('x', 60, { ...HEADERS, connection: undefined, ...changes })).toEqual({
      'Set-Cookie': expected,
    });
  });

  test.each([
    ['a=1', undefined],
    ['querator_session=x', 'x'],
    ['a=1;querator_session=x ; b=2', 'x'],
    ['my_querator_session=x', undefined],
    ['querator_session_2=x', undefined],
    ['a=querator_session=x', undefined],
    ['querator_session=', ''],
    ['querator_session=x; querator_session=y', ''],
    [`querator_session=${'x'.repeat(2_049)}`, ''],
  ])('in %s', (header, value) => {
    expect(cookieIn(header)).toBe(value);
  });
});

import { instantFromMilliseconds, SystemRandom } from '@querator/core';
import { describe, expect, test } from 'vitest';
import { SessionSeal } from '../../src/http/session/session-seal.ts';
import { ADMIN_KEY, clientWith, ENFORCED } from '../access/support/access-server.ts';
import { useServer } from '../support/test-server.ts';
import { Browser, OWN_PAGE } from './support/browser.ts';

const SECRET = 'a secret of at least 32 bytes, for tests';
const SETTINGS = { ...ENFORCED, console: { 'session-key': SECRET }, 'cors-origins': ['https://app.example'] };
const NAME = 'querator_session';

const seal = new SessionSeal(SECRET, new SystemRandom());
const inAnHour = () => instantFromMilliseconds(Date.now() + 3_600_000);
const sealed = (changes: object = {}) =>
  seal.seal({ apiKey: ADMIN_KEY, write: true, expiresAt: inAnHour(), ...changes });

describe('a cookie that is no session of the browser', { timeout: 60_000 }, () => {
  const server = useServer('memory', SETTINGS);

  /** The answer to a call with a cookie, from a page of the server unless it says otherwise. */
  async function ask(cookie: string, headers: Record<string, string> = OWN_PAGE, call = '/v1/queues.list') {
    const browser = new Browser(headers);
    browser.cookie = cookie;
    const { status, message } = await browser.post(server.url, call);
    return { status, message };
  }

  test('is told from one that is', async () => {
    expect(await ask(`other=1; ${NAME}=${sealed()}; another=2`)).toEqual({ status: 200, message: '' });
    expect(await ask('other=1')).toEqual({ status: 403, message: 'access denied' });
  });

  test('is refused if it was forged', async () => {
    const valid = sealed();
    const bytes = Buffer.from(valid.slice(3), 'base64url');
    const flipped = Array.from(bytes, (_, at) => {
      const copy = Buffer.from(bytes);
      copy[at] = (copy[at] ?? 0) ^ 1;
      return `v1.${copy.toString('base64url')}`;
    });
    const cut = Array.from(bytes, (_, at) => `v1.${bytes.subarray(0, at).toString('base64url')}`);
    const others = [
      '',
      'v1.',
      'v1',
      valid.slice(0, -1),
      valid.slice(3),
      `v2.${valid.slice(3)}`,
      `${valid}A`,
      `${valid}=`,
      `${valid.slice(0, 20)} ${valid.slice(20)}`,
      `"${valid}"`,
      ADMIN_KEY,
      encodeURIComponent(JSON.stringify([ADMIN_KEY, true, '9999999999999999'])),
      new SessionSeal(`${SECRET}!`, new SystemRandom()).seal({
        apiKey: ADMIN_KEY,
        write: true,
        expiresAt: inAnHour(),
      }),
    ];
    for (const forged of others) {
      expect(await ask(`${NAME}=${forged}`), forged).toEqual({ status: 401, message: 'session is invalid' });
    }
    // Each flipped bit and each cut, without a request for each.
    for (const forged of [...flipped, ...cut]) expect(seal.open(forged), forged).toBeUndefined();
  });

  test('is refused after its end, however often it is sent', async () => {
    const expired = sealed({ expiresAt: instantFromMilliseconds(Date.now() - 1) });
    for (let times = 0; times < 2; times++) {
      expect(await ask(`${NAME}=${expired}`)).toEqual({ status: 401, message: 'session has expired' });
      expect(await ask(`${NAME}=${expired}`, OWN_PAGE, '/v2/session.create')).toMatchObject({ status: 401 });
    }
  });

  test('is refused if it is long, or there are two', async () => {
    const long = `v1.${'A'.repeat(10_000)}`;
    expect(await ask(`${NAME}=${long}`)).toEqual({ status: 401, message: 'session is invalid' });
    expect(await ask(`other=${'A'.repeat(10_000)}`)).toEqual({ status: 403, message: 'access denied' });
    const two = `${NAME}=${sealed()}; ${NAME}=${sealed()}`;
    expect(await ask(two)).toEqual({ status: 401, message: 'session is invalid' });
  });

  test('is refused if its key is none of this server', async () => {
    const unknown = sealed({ apiKey: `qtr-test-${'Z'.repeat(43)}` });
    expect(await ask(`${NAME}=${unknown}`)).toEqual({ status: 401, message: 'api key does not exist' });
    expect(await ask(`${NAME}=${sealed({ apiKey: 'x' })}`)).toMatchObject({ status: 401 });
  });

  test('is refused once its key has expired', async () => {
    const { access } = clientWith(server, ADMIN_KEY);
    const { id: userId } = await access.usersCreate({ username: 'late' });
    const expiresAt = { seconds: 1_000_000_000, nanos: 0 };
    const { key } = await access.apiKeysCreate({ userId, expiresAt });
    expect(await ask(`${NAME}=${sealed({ apiKey: key })}`)).toEqual({
      ...{ status: 401, message: 'api key has expired' },
    });
  });

  test.each([
    ['no browser', {}],
    ['another site', { 'Sec-Fetch-Site': 'cross-site' }],
    ['another port or subdomain', { 'Sec-Fetch-Site': 'same-site' }],
    ['a link of the user', { 'Sec-Fetch-Site': 'none' }],
    ['an old browser on another site', { Origin: 'https://evil.example' }],
    ['a file', { Origin: 'null' }],
    ['a page that may call without a session', { Origin: 'https://app.example' }],
    ['the same with a newer browser', { Origin: 'https://app.example', 'Sec-Fetch-Site': 'same-site' }],
  ])('is refused to %s', async (_, headers) => {
    const answer = await ask(`${NAME}=${sealed()}`, headers);
    expect(answer).toEqual({ status: 403, message: expect.stringMatching(/^access denied; /) });
  });

  test('counts for an old browser, which only tells the origin', async () => {
    const cookie = `${NAME}=${sealed()}`;
    expect(await ask(cookie, { Origin: new URL(server.url).origin })).toMatchObject({ status: 200 });
    const { port } = new URL(server.url);
    const other = { Origin: `http://localhost:${port}` };
    expect(await ask(cookie, other)).toMatchObject({ status: 403 });
  });

  test('shows no page for operators', async () => {
    const headers = { ...OWN_PAGE, Cookie: `${NAME}=${sealed()}` };
    expect((await fetch(`${server.url}/metrics`, { headers })).status).toBe(403);
  });
});

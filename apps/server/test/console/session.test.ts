import { onlyReads } from '@querator/protocol';
import { describe, expect, test } from 'vitest';
import {
  ADMIN_KEY,
  clientWith,
  ENFORCED,
  fresh,
  newQueue,
  newTenant,
} from '../access/support/access-server.ts';
import { bodyOf } from '../access/support/all-calls.ts';
import { ENDPOINTS_WITH_PERMISSION } from '../support/all-endpoints.ts';
import { STORAGES, TestServer, useServer } from '../support/test-server.ts';
import { Browser } from './support/browser.ts';

const UNAUTHENTICATED = { status: 401, json: { code: 401, code_text: 'Unauthorized' } };
const READS_ONLY = expect.stringContaining('the session only reads');

describe.each(STORAGES)('the session of a browser on %s', { timeout: 60_000 }, (storage) => {
  const server = useServer(storage, ENFORCED);
  const admin = () => clientWith(server, ADMIN_KEY).access;

  test('is a cookie that only the browser itself sends', async () => {
    const { key, keyId, namespace } = await newTenant(server, ['queue.list'], { scope: true });
    const browser = new Browser();
    const { status, json } = await browser.logIn(server.url, key);
    expect(status).toBe(200);
    expect(json).toEqual({
      username: expect.stringMatching(/^user-/),
      key_id: keyId,
      namespace_scope: namespace,
      expires_at: expect.stringMatching(/Z$/),
    });
    expect(browser.received).toMatch(
      /^querator_session=v1[.][\w-]{100,}; Path=\/; HttpOnly; SameSite=Strict; Max-Age=43200$/,
    );
    expect(browser.received).not.toContain(key.slice(-20));
    const hours = (Date.parse(json.expires_at) - Date.now()) / 3_600_000;
    expect(Math.round(hours)).toBe(12);
    expect((await browser.post(server.url, '/v2/session.get')).json).toEqual(json);
  });

  test.each([
    [{ 'X-Forwarded-Proto': 'https' }],
    [{ 'X-Forwarded-Proto': 'https, http' }],
    [{ Origin: 'https://queue.example' }],
  ])('is only sent encrypted if the browser uses HTTPS: %o', async (headers) => {
    const browser = new Browser();
    const authorization = { Authorization: `Bearer ${ADMIN_KEY}` };
    await browser.post(server.url, '/v2/session.create', {}, { ...headers, ...authorization });
    expect(browser.received).toMatch(/; Secure$/);
  });

  test('may do what its key may, and no more', async () => {
    const { key, namespace } = await newTenant(server, ['queue.list', 'queue.stats']);
    const queueName = await newQueue(server, namespace);
    const browser = new Browser();
    await browser.logIn(server.url, key, { write: true });
    const list = await browser.post(server.url, '/v1/queues.list', { namespace });
    expect(list.json.items).toMatchObject([{ queue_name: queueName }]);
    expect(await browser.post(server.url, '/v1/queues.list', { namespace: '_system' })).toMatchObject({
      status: 403,
      message: 'access denied',
    });
    expect(await browser.post(server.url, '/v1/queues.delete', { queue_name: queueName })).toMatchObject({
      status: 403,
      message: 'access denied',
    });
  });

  test('only reads until it is switched to writing, and after it is switched back', async () => {
    const browser = new Browser();
    const queueName = fresh('queue');
    const settings = { lease_timeout: '1m', expire_timeout: '1h', requested_partitions: 1 };
    const create = () =>
      browser.post(server.url, '/v1/queues.create', { queue_name: queueName, ...settings });
    const { json: first } = await browser.logIn(server.url, ADMIN_KEY);
    expect(await create()).toMatchObject({ status: 403, message: READS_ONLY });
    const { json: writing } = await browser.post(server.url, '/v2/session.create', { write: true });
    // The end stays, so that nobody goes on for ever with one login.
    expect(writing).toEqual({ ...first, write: true });
    expect(await create()).toMatchObject({ status: 200 });
    await browser.post(server.url, '/v2/session.create', {});
    const remove = { queue_name: queueName };
    expect(await browser.post(server.url, '/v1/queues.delete', remove)).toMatchObject({ status: 403 });
    await browser.post(server.url, '/v2/session.create', { write: true });
    expect(await browser.post(server.url, '/v1/queues.delete', remove)).toMatchObject({ status: 200 });
  });

  test('that only reads makes none of the calls that change anything', async () => {
    const browser = new Browser();
    await browser.logIn(server.url, ADMIN_KEY);
    for (const endpoint of ENDPOINTS_WITH_PERMISSION) {
      const { path } = endpoint;
      const { message } = await browser.post(server.url, path, bodyOf(path));
      if (onlyReads(endpoint)) expect(message, path).not.toContain('the session only reads');
      else expect(message, path).toEqual(READS_ONLY);
    }
  });

  test('ends in the browser', async () => {
    const browser = new Browser();
    await browser.logIn(server.url, ADMIN_KEY);
    expect(await browser.post(server.url, '/v2/session.delete')).toMatchObject({ status: 200 });
    expect(browser.received).toBe('querator_session=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0');
    expect(await browser.post(server.url, '/v2/session.get')).toMatchObject(UNAUTHENTICATED);
  });

  test('needs a key, and a valid one', async () => {
    const browser = new Browser();
    expect(await browser.post(server.url, '/v2/session.create')).toMatchObject({
      ...UNAUTHENTICATED,
      message: 'a session needs an API key in the header Authorization',
    });
    expect(await browser.logIn(server.url, `qtr-test-${'C'.repeat(43)}`)).toMatchObject(UNAUTHENTICATED);
    expect(await browser.post(server.url, '/v2/session.get')).toMatchObject(UNAUTHENTICATED);
    expect(browser.cookie).toBeUndefined();
  });

  test('ends at once when its key is deleted', async () => {
    const { key, keyId, namespace } = await newTenant(server, ['queue.list']);
    const browser = new Browser();
    await browser.logIn(server.url, key);
    const list = () => browser.post(server.url, '/v1/queues.list', { namespace });
    expect(await list()).toMatchObject({ status: 200 });
    await admin().apiKeysDelete({ id: keyId });
    expect(await list()).toMatchObject(UNAUTHENTICATED);
    expect(await browser.post(server.url, '/v2/session.get')).toMatchObject(UNAUTHENTICATED);
    expect(await browser.post(server.url, '/v2/session.create', { write: true })).toMatchObject(
      UNAUTHENTICATED,
    );
  });

  test('ends at once when its key gets a new secret', async () => {
    const { key, keyId, namespace } = await newTenant(server, ['queue.list']);
    const browser = new Browser();
    await browser.logIn(server.url, key);
    const asAdmin = { Authorization: `Bearer ${ADMIN_KEY}` };
    const rotated = await server.post('/v2/apikeys.rotate', { id: keyId, grace: '0s' }, asAdmin);
    expect(rotated.status).toBe(200);
    expect(await browser.post(server.url, '/v1/queues.list', { namespace })).toMatchObject(UNAUTHENTICATED);
  });

  test('gives way to a key in the header', async () => {
    const { key, namespace } = await newTenant(server, ['queue.list']);
    const browser = new Browser();
    await browser.logIn(server.url, key);
    const asAdmin = { Authorization: `Bearer ${ADMIN_KEY}` };
    const list = await browser.post(server.url, '/v1/queues.list', { namespace: '_system' }, asAdmin);
    expect(list.status).toBe(200);
    const wrong = { Authorization: `Bearer qtr-test-${'C'.repeat(43)}` };
    expect(await browser.post(server.url, '/v1/queues.list', { namespace }, wrong)).toMatchObject(
      UNAUTHENTICATED,
    );
  });
});

test.each([[{}], [{ ...ENFORCED, console: { enabled: false } }]])(
  'there is none without access control, or without the console',
  async (settings) => {
    const server = new TestServer(settings);
    await server.start('memory');
    try {
      const browser = new Browser();
      for (const call of ['create', 'get', 'delete']) {
        const key = { Authorization: `Bearer ${ADMIN_KEY}` };
        expect(await browser.post(server.url, `/v2/session.${call}`, {}, key)).toMatchObject({
          status: 400,
          message: 'there are no sessions: access control or the console is off',
        });
      }
    } finally {
      await server.dispose();
    }
  },
);

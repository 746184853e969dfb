import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseConfig, type RunningServer } from '../../src/index.ts';
import { ADMIN_KEY } from '../access/support/access-server.ts';
import { Application, Caller } from './support/outbox-fixture.ts';

let application: Application;
let server: RunningServer;
let admin: Caller;
beforeAll(async () => {
  application = await Application.create();
  server = await application.start({
    outbox: '    user: shop',
    yaml: `
auth-backend: { driver: internal, admin-key: ${ADMIN_KEY} }
quotas: { namespaces: { limited: { items-waiting: 1 } } }`,
  });
  admin = new Caller(server, ADMIN_KEY);
});
afterAll(async () => {
  await server?.stop();
  await application.drop();
});

const codes = async () => (await application.faults()).map(({ queue, code }) => `${queue}: ${code}`);

test('the relay may do what its user may do, and rows wait for the quota of their namespace', async () => {
  await admin.client.access.namespacesCreate({ name: 'tenant' });
  await admin.create('orders', 1, 'tenant');
  await application.enqueue('orders', '1');
  await expect.poll(codes).toEqual(['orders: unauthenticated']);

  const { id: userId } = await admin.client.access.usersCreate({ username: 'shop' });
  await expect.poll(codes, { timeout: 5_000 }).toEqual(['orders: forbidden']);

  await admin.client.access.rolesCreate({
    namespace: 'tenant',
    name: 'sender',
    permissions: ['queue.produce'],
  });
  await admin.client.access.roleBindingsCreate({ namespace: 'tenant', roleName: 'sender', userId });
  expect(await admin.texts('orders', 1)).toEqual(['1']);
  await expect.poll(codes).toEqual([]);

  await admin.client.access.namespacesCreate({ name: 'limited' });
  await admin.client.access.rolesCreate({
    namespace: 'limited',
    name: 'sender',
    permissions: ['queue.produce'],
  });
  await admin.client.access.roleBindingsCreate({ namespace: 'limited', roleName: 'sender', userId });
  await admin.create('few', 1, 'limited');
  await application.enqueue('few', '1');
  expect(await admin.texts('few', 1)).toEqual(['1']);
  await application.enqueue('few', '2');
  await expect.poll(codes).toEqual(['few: over_limit']);
  await application.client.query('DELETE FROM querator_outbox.outbox; DELETE FROM querator_outbox.faults');

  await admin.create('of-others');
  await application.enqueue('of-others', '1');
  await expect.poll(codes).toEqual(['of-others: forbidden']);
});

test.each([
  ['auth-backend: { driver: internal }', '', 'required with access control: the user who produces the items'],
  ['', '    user: shop', "has no meaning without access control (auth-backend 'internal')"],
  ['', "    schema: 'a b'", 'expected a name of 1 to 63 letters, digits and underscores'],
])('%s with %s is refused', (yaml, outbox, text) => {
  expect(() => parseConfig(application.configText({ yaml, outbox }))).toThrow(text);
});

test('a malformed connection string and a second entry are refused, and no secret is told', () => {
  const config = (...urls: string[]) =>
    `outbox: [${urls.map((url) => `{ connection-string: '${url}' }`).join(', ')}]`;
  expect(() => parseConfig(config('mysql://me:secret@host/db'))).toThrow(
    /outbox\[0\].*connection-string|outbox/,
  );
  expect(() => parseConfig(config('mysql://me:secret@host/db'))).not.toThrow(/secret/);
  const twice = config('postgres://me@host/db', 'postgres://me@host/db');
  expect(() => parseConfig(twice)).toThrow('is listed more than once');
});

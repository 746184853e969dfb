import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ADMIN_KEY, clientWith, ENFORCED } from '../access/support/access-server.ts';
import { Terminal } from '../cli/support/terminal.ts';
import { TestServer } from '../support/test-server.ts';

const server = new TestServer(ENFORCED);
const terminal = new Terminal(fetch);
const TIMEOUTS = { leaseTimeout: '1m', expireTimeout: '1h' };
let folder = '';

beforeAll(async () => {
  await server.start('memory');
  folder = await mkdtemp(join(tmpdir(), 'migration-access-'));
  await run(ADMIN_KEY, 'namespace create shop');
  await run(ADMIN_KEY, 'namespace create copy');
});
afterAll(async () => {
  await server.dispose();
  await rm(folder, { recursive: true });
});

async function run(key: string, line: string) {
  const env = { QUERATOR_ENDPOINT: server.url, QUERATOR_API_KEY: key };
  return terminal.run(line.split(' '), { env });
}

/** A key with these permissions in a namespace. */
async function keyFor(name: string, namespace: string, permissions: string): Promise<string> {
  const printed = async (line: string) => JSON.parse((await run(ADMIN_KEY, line)).stdout);
  await run(ADMIN_KEY, `role create ${namespace} ${name} ${permissions}`);
  const { id } = await printed(`user create ${name}`);
  await run(ADMIN_KEY, `binding create ${namespace} ${name} ${id}`);
  return (await printed(`key create ${id} --scope ${namespace}`)).key;
}

test('an export and an import need the documented permissions, and no others', async () => {
  const api = { 'Content-Type': 'application/json', Authorization: `Bearer ${ADMIN_KEY}` };
  const settings = { lease_timeout: '1m', expire_timeout: '1h', requested_partitions: 1 };
  const body = JSON.stringify({ ...settings, queue_name: 'orders', namespace: 'shop' });
  await fetch(`${server.url}/v1/queues.create`, { method: 'POST', headers: api, body });
  expect((await run(ADMIN_KEY, 'produce orders --payload a')).code).toBe(0);
  expect((await run(ADMIN_KEY, 'lease orders')).code).toBe(0);
  expect((await run(ADMIN_KEY, 'produce orders --payload b')).code).toBe(0);

  const blind = await keyFor('blind', 'shop', 'queue.list queue.stats');
  const hidden = await run(blind, `export orders --file ${join(folder, 'blind.ndjson')}`);
  expect(hidden.code).toBe(1);
  expect(hidden.stderr).toContain('are hidden from this caller, who lacks the permission queue.complete');

  const exporter = await keyFor('exporter', 'shop', 'queue.list queue.stats queue.complete');
  const file = join(folder, 'orders.ndjson.zst');
  const exported = await run(exporter, `export --namespace shop --file ${file}`);
  expect(exported).toMatchObject({
    code: 0,
    stderr:
      'Queues whose schedules are left out, because the permission queue.update is missing: orders\nNamespaces whose quotas are left out, if they have any, because the permission namespace.list in _system is missing: shop\nExported 2 item(s) of 1 queue(s)\n',
  });

  expect((await run(ADMIN_KEY, 'delete orders --yes')).code).toBe(0);
  const importer = await keyFor('importer', 'copy', 'queue.stats queue.produce queue.create');
  expect((await run(exporter, `import ${file}`)).code).toBe(1);
  const imported = await run(importer, `import ${file} --namespace copy`);
  expect(imported).toMatchObject({ code: 0, stderr: 'Imported 2 item(s); 0 were imported before\n' });
  const stranger = await keyFor('stranger', 'shop', 'queue.stats queue.produce queue.create');
  const refused = await run(stranger, `import ${file}`);
  expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('access denied') });
});

test('quotas of namespaces and dedup keys go with their queues if the caller may see them', async () => {
  const admin = clientWith(server, ADMIN_KEY);
  const limits = { queues: 7, itemsWaiting: 1_000, requestsPerSecond: 500 };
  await run(ADMIN_KEY, 'namespace create north');
  await run(ADMIN_KEY, 'namespace create south');
  await admin.v2.quotas.set({ namespace: 'north', limits });
  await admin.queues.create({ queueName: 'mail', namespace: 'north', requestedPartitions: 1, ...TIMEOUTS });
  const produced = { queueName: 'mail', requestTimeout: '5s', dedupKey: 'once', items: [{ utf8: 'a' }] };
  const first = await admin.v2.queue.produce(produced);

  const blind = await keyFor('north-blind', 'north', 'queue.list queue.stats');
  const left = await run(blind, `export mail --file ${join(folder, 'left.ndjson')}`);
  expect(left.stderr).toContain(
    'Queues whose dedup keys are left out, because the permission queue.complete is missing: mail\n',
  );

  const file = join(folder, 'mail.ndjson');
  expect((await run(ADMIN_KEY, `export mail --file ${file}`)).stderr).toBe(
    'Exported 1 item(s) and 1 dedup key(s) of 1 queue(s)\n',
  );
  await admin.v2.queues.delete({ queueName: 'mail', force: true });
  const importer = await keyFor('south', 'south', 'queue.stats queue.produce queue.create');
  expect((await run(importer, `import ${file} --namespace south`)).stderr).toContain(
    'Namespaces whose quotas are not set, because the permissions namespace.list and namespace.update in _system are missing: north\n',
  );
  const imported = await run(ADMIN_KEY, `import ${file} --namespace south`);
  expect(imported.stderr).toContain('Namespaces whose quotas are set as they were: north\n');
  const { limits: found, source } = await admin.v2.quotas.get({ namespace: 'south' });
  expect([found, source]).toEqual([expect.objectContaining(limits), 'stored']);
  const again = await run(ADMIN_KEY, `import ${file} --namespace south`);
  expect(again.stderr).toContain('Namespaces that have a quota of their own, which stays: north\n');
  expect((await admin.v2.queue.produce(produced)).items).toMatchObject([
    { id: first.items[0]?.id, duplicate: true },
  ]);
});

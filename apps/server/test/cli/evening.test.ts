import { ApiCaller, type Scene, setScene } from '@querator/tooling-evening';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { ADMIN_KEY, ENFORCED } from '../access/support/access-server.ts';
import { TestServer } from '../support/test-server.ts';
import { Terminal } from './support/terminal.ts';

const server = new TestServer({ ...ENFORCED, audit: { table: true } });
const terminal = new Terminal(fetch);
let scene: Scene;

beforeAll(async () => {
  await server.start('memory');
  scene = await setScene(new ApiCaller(server.url, ADMIN_KEY), {
    ...{ orders: 900, poisoned: 600, mail: 200, held: 40, events: 100, flood: 700 },
  });
});
afterAll(() => server.dispose());

/** Runs a command, given as words, with somebody's key. */
const run = (words: readonly string[], key = ADMIN_KEY) => {
  const sleep = () => new Promise<void>((resolve) => setImmediate(resolve));
  return terminal.run(words, { sleep, env: { QUERATOR_ENDPOINT: server.url, QUERATOR_API_KEY: key } });
};

/** Runs a command of the administrator that has to succeed. @returns what it prints, with single blanks. */
async function ok(line: string, ...words: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await run([...line.split(' '), ...words]);
  if (code !== 0) throw new Error(`querator ${line}: ${stderr}`);
  return stdout.replaceAll(/ +/g, ' ');
}

const order = ['produce', 'orders', '--kind', 'order', '--payload', '{}'];
const flood = ['produce', 'events', '--file', '-'];

test("an operator's evening: the causes are found and mended on the command line alone", {
  timeout: 120_000,
}, async () => {
  // The shop complains: its orders are refused. Who has reached which limit?
  expect(await run(order, scene.shop)).toMatchObject({
    ...{ code: 1, stderr: expect.stringContaining("quota exceeded; namespace 'shop' may hold 2500 items") },
  });
  const [, nearest] = (await ok('quota list')).split('\n');
  // The schedule may have fired meanwhile: it is never refused.
  expect(nearest).toMatch(/^namespace shop items-waiting 25\d\d 2500$/);

  // Which queues hold the items of the namespace?
  const queues = await ok('queues list --namespace shop --sort waiting --descending');
  expect(queues).toMatch(
    /^orders shop 1110 .*\nevents shop 800 .*\norders-dead shop 390 .*\nmail shop 16\d 40 /m,
  );

  // Dead letters count too. Those that failed at the bank are redriven. Those of the kind order-v2 always fail: delete them.
  expect(await ok('find orders-dead --by error')).toBe(
    "COUNT ERROR\n300 cannot parse the order: unexpected '<' at position 0\n90 the bank does not answer\n",
  );
  expect(await ok('redrive orders-dead --wait --error', 'the bank')).toContain(' done orders-dead ');
  expect(await ok('find orders-dead --by kind')).toBe('COUNT KIND\n300 order-v2\n');
  expect(await ok('task delete-items orders-dead --kind order-v2 --yes --wait')).toContain(' 300 300 0 ');

  // More of it is on its way: out of the queue with it, but kept for those who sent it.
  expect(await ok('find orders --by kind')).toBe('COUNT KIND\n900 order\n300 order-v2\n');
  expect(await ok('task move-items orders orders-dead --kind order-v2 --wait')).toContain(' 300 300 0 ');

  // One tenant has sent most of the events. Its key gets a limit.
  expect(await ok('find events --by metadata.tenant')).toBe('COUNT metadata.tenant\n700 acme\n100 shop\n');
  const keys = await ok('key list --table');
  const importer = keys.match(/^(\w+) .*acme-importer /m)?.[1] ?? '';
  await ok(`quota set --key ${importer} --items-per-second 5`);
  await ok('task delete-items events --metadata tenant=acme --yes --wait');
  // A server measures what a namespace holds once a second.
  await vi.waitFor(async () => expect(await run(order, scene.shop)).toMatchObject({ code: 0 }), {
    timeout: 30_000,
  });
  const refused = await terminal.run(flood, {
    ...{ input: 'x\n'.repeat(100), env: { QUERATOR_ENDPOINT: server.url, QUERATOR_API_KEY: scene.importer } },
  });
  expect(refused.stderr).toContain('this api key may produce 5 items a second');

  // A consumer holds mail, and does not work on it: its leases end late, and no item is completed.
  expect(await ok('rates mail')).not.toMatch(/Z \d+ \d+ [1-9]/);
  expect(await ok('find mail --by kind --state leased')).toBe('COUNT KIND\n40 letter\n');
  await ok('retry mail --yes');
  expect((await run(['find', 'mail', '--state', 'leased'])).code).toBe(3);
  const renewal = ['extend', 'mail', scene.held[0] ?? '', '-p', '0', '--lease-timeout', '10m'];
  expect(await run(renewal, scene.workers)).toMatchObject({ code: 3 });

  // A report comes every minute. It was meant for the night.
  expect(await ok('schedule list --queue mail')).toContain('\nnightly-report mail * * * * * UTC active ');
  await ok('schedule update nightly-report mail --kind report --payload x --cron', '0 2 * * *');
  expect(await ok('schedule list --namespace shop')).toContain('\nnightly-report mail 0 2 * * * UTC active ');

  // Whoever comes next can see what was done, and by whom.
  const tasks = await ok('task list --state done');
  expect([...tasks.matchAll(/^\w+ (\w+) done/gm)].map(([, kind]) => kind)).toEqual([
    ...['delete', 'move', 'delete', 'redrive'],
  ]);
  const audit = await ok('audit list --namespace shop --actor admin --limit 4 --table');
  expect(audit).toContain(' v2/schedules.update ok admin ');
});

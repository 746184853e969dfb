import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ADMIN_KEY, ENFORCED } from '../access/support/access-server.ts';
import { TestServer } from '../support/test-server.ts';
import { startInProcess, Terminal } from './support/terminal.ts';

const { server, fetch: inProcess } = startInProcess();
const terminal = new Terminal(inProcess);
beforeAll(() => server.start());
afterAll(() => server.stop());

const json = (text: string) => JSON.parse(text);
const ask = (line: string, input: string) => terminal.run(line.split(' '), { input, isTerminal: true });

/** What a queue holds. */
async function held(queue: string) {
  const [{ partitions }] = json((await terminal.ok(`stats ${queue}`)).stdout).logicalQueues;
  const { total = 0, total_leased: leased = 0, scheduled = 0 } = partitions[0];
  return { waiting: total - leased, leased, scheduled };
}

/** A queue with two waiting, one leased and one scheduled item. @returns the id of the leased one. */
async function mixedQueue(queue: string): Promise<string> {
  await terminal.ok(`create ${queue}`);
  await terminal.ok(`produce ${queue} --payload first --kind order`);
  const { items } = json((await terminal.ok(`lease ${queue}`)).stdout);
  for (const payload of ['second', 'third']) await terminal.ok(`produce ${queue} --payload ${payload}`);
  await terminal.ok(`produce ${queue} --payload later --enqueue-at 2099-01-01T00:00:00Z`);
  return items[0].id;
}

describe('peek', () => {
  test('prints the waiting items that are next, and leases none', async () => {
    await mixedQueue('peeked');
    const { stdout, stderr } = await terminal.ok('peek peeked');
    expect(stdout).toMatch(/^ID +PARTITION +ATTEMPTS +CREATED +KIND +REFERENCE +BYTES +PAYLOAD\n/);
    expect(stdout.match(/second|third|first|later/g)).toEqual(['second', 'third']);
    expect(stderr).toBe('Found 2 waiting item(s)\n');
    const one = json((await terminal.ok('peek peeked --limit 1 --json')).stdout);
    expect(one.items.map(({ payload }: { payload: string }) => atob(payload))).toEqual(['second']);
    expect(await held('peeked')).toEqual({ waiting: 2, leased: 1, scheduled: 1 });
  });

  test('shows a payload that is no text in hexadecimal, and only the beginning of a long one', async () => {
    await terminal.ok('create odd');
    await terminal.ok('produce odd', { input: [Buffer.from([0xff, 0x00, 0x1b])] });
    await terminal.ok('produce odd', { input: [Buffer.from(`a\n\u001b[2J${'é'.repeat(1_000)}`)] });
    const { stdout } = await terminal.ok('peek odd');
    expect(stdout).toContain(' 0xff001b\n');
    expect(stdout).toMatch(/ a\\n\\u001b\[2Jé+…\n/);
  });

  test('of a queue without waiting items is exit code 3', async () => {
    await terminal.ok('create nothing');
    expect(await terminal.run(['peek', 'nothing'])).toMatchObject({ code: 3 });
  });
});

describe('clear', () => {
  test.each([
    ['', '2 waiting', { waiting: 0, leased: 1, scheduled: 1 }],
    [' --leased', '2 waiting and 1 leased', { waiting: 0, leased: 0, scheduled: 1 }],
    [' --scheduled', '1 scheduled', { waiting: 2, leased: 1, scheduled: 0 }],
    [' --waiting --scheduled', '2 waiting and 1 scheduled', { waiting: 0, leased: 1, scheduled: 0 }],
    [
      ' --leased --scheduled',
      '2 waiting and 1 leased and 1 scheduled',
      { waiting: 0, leased: 0, scheduled: 0 },
    ],
  ])('asks with a count, and deletes them: %j', async (flags, count, left) => {
    const queue = `clear${flags.replaceAll(' ', '')}`;
    await mixedQueue(queue);
    const no = await ask(`clear ${queue}${flags}`, 'n\n');
    expect(no).toMatchObject({
      code: 1,
      stderr: expect.stringContaining(`Delete ${count} item(s) of queue`),
    });
    expect(await held(queue)).toEqual({ waiting: 2, leased: 1, scheduled: 1 });
    expect(await ask(`clear ${queue}${flags}`, 'y\n')).toMatchObject({ code: 0 });
    expect(await held(queue)).toEqual(left);
  });
});

describe('retry', () => {
  test('ends the leases of the items that meet all conditions, after a question with their count', async () => {
    await mixedQueue('stuck');
    const no = await ask('retry stuck --kind order', '\n');
    expect(no.stderr).toContain("End the leases of 1 item(s) of queue 'stuck'? [y/N] ");
    expect(await held('stuck')).toMatchObject({ leased: 1 });
    const yes = await ask('retry stuck --kind order', 'y\n');
    expect(yes).toMatchObject({ code: 0, stdout: '' });
    expect(yes.stderr).toContain("Successfully retried 1 item(s) of queue 'stuck'");
    expect(await held('stuck')).toEqual({ waiting: 3, leased: 0, scheduled: 1 });
  });

  test('of no leased item is exit code 3, and of another state wrong usage', async () => {
    const id = await mixedQueue('calm');
    expect(await terminal.run(['retry', 'calm', '--kind', 'none', '--yes'])).toMatchObject({ code: 3 });
    expect(await terminal.run(['retry', 'calm', '--state', 'waiting', '--yes'])).toMatchObject({ code: 2 });
    expect(await terminal.run(['retry', 'calm', '--limit', '0', '--yes'])).toMatchObject({ code: 2 });
    expect(json((await terminal.ok('retry calm --yes --json')).stdout)).toEqual({ items: [{ id }] });
  });

  test('of more items than one request takes, in several partitions', async () => {
    await terminal.ok('create wide --partitions 2');
    await terminal.ok('produce wide --file -', { input: 'x\n'.repeat(2_500) });
    for (let leased = 0; leased < 2_500; ) {
      const { stdout } = await terminal.ok('lease wide -b 1000 --jsonl');
      leased += stdout.trimEnd().split('\n').length;
    }
    const retried = await terminal.ok('retry wide --limit 2400 --yes');
    expect(retried.stderr).toBe("Successfully retried 2400 item(s) of queue 'wide'\n");
    const found = await terminal.ok('find wide --by kind --state leased');
    expect(found.stderr).toContain('Counted 100 item(s)');
  });
});

describe('give-back and extend', () => {
  test('say what became of each item', async () => {
    const id = await mixedQueue('held');
    const lost = '00000000000000003gKsCBwP17h';
    const extended = await terminal.run(['extend', 'held', id, lost, '-p', '0', '--lease-timeout', '5m']);
    expect(extended).toMatchObject({
      code: 1,
      stderr: 'Error: failed to extend the leases of 1 of 2 item(s)\n',
    });
    expect(extended.stdout).toMatch(new RegExp(`^${id} +ok +20\\S+Z$`, 'm'));
    expect(extended.stdout).toMatch(new RegExp(`^${lost} +lease_lost `, 'm'));
    const only = await terminal.run(['give-back', 'held', lost, '-p', '0']);
    expect(only).toMatchObject({ code: 3, stderr: 'Error: failed to give back 1 of 1 item(s)\n' });
    const words = [
      'give-back',
      'held',
      id,
      '-p',
      '0',
      '--at',
      '2099-01-01T00:00:00Z',
      '--because',
      'no disk',
    ];
    expect(await terminal.run([...words, '--json'])).toMatchObject({ code: 0 });
    const { items } = json((await terminal.ok('find held --state scheduled --json')).stdout);
    expect(items).toContainEqual(expect.objectContaining({ error: 'no disk', kind: 'order' }));
  });

  test('give-back --dead gives up on items', async () => {
    await terminal.ok('create graves');
    await terminal.ok('create doomed --dead-queue graves');
    await terminal.ok('produce doomed --payload x');
    const { items } = json((await terminal.ok('lease doomed')).stdout);
    await terminal.ok(`give-back doomed ${items[0].id} -p 0 --dead`);
    const letters = json((await terminal.ok('lease graves --timeout 10s')).stdout);
    expect(letters.items).toHaveLength(1);
  });

  test.each([
    ['extend q id -p 0', "required option '--lease-timeout"],
    ['extend q id -p 0 --lease-timeout soon', 'invalid lease-timeout format'],
    ['extend q id -p 0 --lease-timeout 1m --max-hold soon', 'invalid max-hold format'],
    ['give-back q id', "required option '-p, --partition"],
    ['give-back q id -p 0 --at soon', 'invalid at time format'],
  ])('%s is wrong usage', async (line, text) => {
    const ran = await terminal.run(line.split(' '));
    expect(ran).toMatchObject({ code: 2, stderr: expect.stringContaining(text) });
  });
});

test('complete --each completes what it can', async () => {
  const id = await mixedQueue('each');
  const lost = '00000000000000003gKsCBwP17h';
  const ran = await terminal.run(['complete', 'each', id, lost, '-p', '0', '--each']);
  expect(ran.code).toBe(1);
  expect(ran.stderr).toMatch(new RegExp(`^${lost}: lease_lost: .*\nSuccessfully completed 1 item`));
  expect(await held('each')).toMatchObject({ leased: 0 });
  const again = await terminal.run(['complete', 'each', id, '-p', '0', '--each']);
  expect(again.code).toBe(3);
});

test('items list prints a partition in pages', async () => {
  await mixedQueue('listed');
  const first = await terminal.ok('items list listed --limit 2');
  expect(first.stdout).toMatch(/^ID +STATE +ATTEMPTS .*\n\S+ +leased .* first\n\S+ +waiting .* second\n$/);
  const pivot = first.stderr.match(/--pivot (\S+)/)?.[1];
  const next = json((await terminal.ok(`items list listed --pivot ${pivot} --json`)).stdout);
  expect(next.items.map(({ payload }: { payload: string }) => atob(payload))).toEqual(['second', 'third']);
  const scheduled = await terminal.ok('items list listed --scheduled');
  expect(scheduled.stdout).toMatch(/\n\S+ +scheduled .* 2099-\S+ .* later\n$/);
});

test('reload and server-info', async () => {
  await terminal.ok('create loaded');
  expect((await terminal.ok('reload loaded')).stderr).toBe("Successfully reloaded queue 'loaded'\n");
  expect((await terminal.ok('server-info')).stdout).toMatch(/^WHAT +VALUE\nversion +\S+\napi +v1\napi +v2\n/);
  expect(json((await terminal.ok('server-info --json')).stdout)).toMatchObject({ api: ['v1', 'v2'] });
});

test('produce --dedup-key stores an item once, and --json prints its id', async () => {
  await terminal.ok('create once');
  const first = json((await terminal.ok('produce once --payload x --dedup-key k --json')).stdout);
  expect(first.items).toEqual([{ id: expect.stringMatching(/^\w{27}$/) }]);
  const again = await terminal.ok('produce once --payload x --dedup-key k --dedup-window 1h');
  expect(again.stderr).toBe('The item was produced before, with the same dedup key\n');
  expect(await held('once')).toMatchObject({ waiting: 1 });
});

describe('key rotate', () => {
  const access = new TestServer(ENFORCED);
  const callers = new Terminal(fetch);
  beforeAll(() => access.start('memory'));
  afterAll(() => access.dispose());

  test('gives a key a new secret, and asks if the present one ends at once', async () => {
    const env = { QUERATOR_ENDPOINT: access.url, QUERATOR_API_KEY: ADMIN_KEY };
    const { id: user } = json((await callers.ok('user create ann', { env })).stdout);
    const { id, key } = json((await callers.ok(`key create ${user}`, { env })).stdout);
    const rotated = json((await callers.ok(`key rotate ${id} --grace 1h`, { env })).stdout);
    expect(rotated).toMatchObject({ id, key: expect.not.stringMatching(key) });
    const refused = await callers.run(['key', 'rotate', id, '--grace', '0s'], { env });
    expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('add --yes') });
    await callers.ok(`key rotate ${id} --grace 0s --yes`, { env });
    const unknown = await callers.run(['list'], { env: { ...env, QUERATOR_API_KEY: rotated.key } });
    expect(unknown.stderr).toContain('api key has expired');
  });
});

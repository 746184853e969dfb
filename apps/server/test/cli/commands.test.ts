import { Readable } from 'node:stream';
import { afterAll, describe, expect, test } from 'vitest';
import { startInProcess, Terminal } from './support/terminal.ts';

const { server, fetch } = startInProcess();
const terminal = new Terminal(fetch);
afterAll(() => server.stop());

const json = (text: string) => JSON.parse(text);

describe('create', () => {
  test('prints its result on standard error, and nothing on standard output', async () => {
    expect(await terminal.ok('create mail')).toEqual({
      code: 0,
      stdout: '',
      stderr: "Successfully created queue 'mail' (partitions: 1, lease-timeout: 1m, expire-timeout: 336h)\n",
    });
  });

  test('passes every flag to the server', async () => {
    await terminal.ok('create dead');
    await terminal.ok(
      'create full --lease-timeout 10s --expire-timeout 2h --max-attempts 5 --dead-queue dead --reference me --partitions 3',
    );
    expect(json((await terminal.ok('info full')).stdout)).toMatchObject({
      queue_name: 'full',
      lease_timeout: '10s',
      expire_timeout: '2h0m0s',
      max_attempts: 5,
      dead_queue: 'dead',
      reference: 'me',
      requested_partitions: 3,
    });
  });

  test('sets an expire timeout of 14 days, whatever the lease timeout', async () => {
    for (const [queue, leaseTimeout] of [
      ['brief', '1s'],
      ['long', '300h'],
      ['longest', '336h'],
    ]) {
      const { stderr } = await terminal.ok(`create ${queue} --lease-timeout ${leaseTimeout}`);
      expect(stderr).toContain('expire-timeout: 336h');
      const { stdout } = await terminal.ok(`info ${queue}`);
      expect(json(stdout)).toMatchObject({ expire_timeout: '336h0m0s' });
    }
  });

  test('treats an empty expire timeout as absent', async () => {
    await terminal.run(['create', 'no-expiry', '--expire-timeout', '']);
    expect(json((await terminal.ok('info no-expiry')).stdout)).toMatchObject({ expire_timeout: '336h0m0s' });
  });

  test('requires an expire timeout with a lease timeout beyond the default', async () => {
    expect(await terminal.run(['create', 'slow', '--lease-timeout', '337h'])).toEqual({
      code: 2,
      stdout: '',
      stderr:
        'Error: lease-timeout 337h is longer than the default expire-timeout of 336h; give an --expire-timeout that is at least as long\n',
    });
    await terminal.ok('create slow --lease-timeout 337h --expire-timeout 340h');
  });

  test('--help names the default', async () => {
    const { stdout } = await terminal.ok('create --help');
    expect(stdout.replaceAll(/\s+/g, ' ')).toContain(
      'how long an item may live (default: 336h, 14 days, whatever the lease timeout)',
    );
  });

  test("prints the server's refusal once, with its prefix", async () => {
    await terminal.ok('create twice');
    expect(await terminal.run(['create', 'twice'])).toEqual({
      code: 1,
      stdout: '',
      stderr:
        "Error: failed to create queue: POST http://localhost:2319/v1/queues.create returned 'Bad Request' with message: invalid queue; 'twice' already exists\n",
    });
  });

  test('refuses a wrong lease timeout without a request', async () => {
    const { code, stderr } = await terminal.run(['create', 'x', '--lease-timeout', '1 minute']);
    expect(code).toBe(2);
    expect(stderr).toBe(
      'Error: invalid lease-timeout format: time: unknown unit " minute" in duration "1 minute"\n',
    );
  });
});

describe('list', () => {
  test("prints the API's JSON, indented by 2", async () => {
    await terminal.ok('create list-a');
    await terminal.ok('create list-b');
    const { stdout, stderr } = await terminal.ok('list --pivot list-a --limit 2');
    expect(json(stdout)).toMatchObject({ items: [{ queue_name: 'list-a' }, { queue_name: 'list-b' }] });
    expect(stdout).toMatch(/^\{\n {2}"items": \[\n {4}\{\n {6}"queue_name": "list-a",\n/);
    expect(stderr).toBe("Found 2 queue(s) of namespace '_system'\n");
  });

  test('requests further pages if the server ends one early, up to the limit', async () => {
    const { service } = server;
    for (let n = 0; n < 2_700; n++) {
      await service.queues.create({
        ...{ queueName: `list-long-${n}`, namespace: '', deadQueue: '', maxAttempts: 0 },
        ...{ leaseTimeout: '1m', expireTimeout: '1h', requestedPartitions: 1, reference: 'r'.repeat(2_000) },
      });
    }
    const page = await service.queues.page({ namespace: '', pivot: 'list-long', limit: 2_699 });
    expect(page.items.length).toBeLessThan(2_699);
    for (const limit of [2_699, 2_700]) {
      const { stdout, stderr } = await terminal.ok(`list --pivot list-long --limit ${limit}`);
      expect(stderr).toBe(`Found ${limit} queue(s) of namespace '_system'\n`);
      const names = json(stdout).items.map(({ queue_name }: { queue_name: string }) => queue_name);
      expect(new Set(names).size).toBe(limit);
      expect(names.every((name: string) => name.startsWith('list-long-'))).toBe(true);
    }
  });

  test('prints an empty object if there are no queues', async () => {
    expect(await terminal.ok('list --pivot zzzz')).toMatchObject({
      stdout: '{}\n',
      stderr: "Found 0 queue(s) of namespace '_system'\n",
    });
  });
});

describe('update', () => {
  const info = async (queue: string) => json((await terminal.ok(`info ${queue}`)).stdout);

  test('changes the given settings only', async () => {
    await terminal.ok('create up-dead');
    await terminal.ok('create up --max-attempts 5 --dead-queue up-dead --reference me');
    expect(await terminal.ok('update up --lease-timeout 2m')).toMatchObject({
      stdout: '',
      stderr: "Successfully updated queue 'up'\n",
    });
    expect(await info('up')).toMatchObject({
      lease_timeout: '2m0s',
      expire_timeout: '336h0m0s',
      max_attempts: 5,
      dead_queue: 'up-dead',
      reference: 'me',
    });
  });

  test('keeps the other timeout', async () => {
    await terminal.ok('create times --lease-timeout 1m --expire-timeout 2h');
    await terminal.ok('update times --lease-timeout 5m');
    expect(await info('times')).toMatchObject({ lease_timeout: '5m0s', expire_timeout: '2h0m0s' });
    await terminal.ok('update times --expire-timeout 3h');
    expect(await info('times')).toMatchObject({ lease_timeout: '5m0s', expire_timeout: '3h0m0s' });
  });

  test("prints the server's refusal of a lease timeout beyond the expire timeout, and changes nothing", async () => {
    await terminal.ok('create tight --lease-timeout 1m --expire-timeout 2h');
    const { code, stderr } = await terminal.run(['update', 'tight', '--lease-timeout', '3h']);
    expect(code).toBe(1);
    expect(stderr).toContain(
      'lease timeout is too long; 3h0m0s cannot be greater than the expire timeout 2h0m0s',
    );
    expect(await info('tight')).toMatchObject({ lease_timeout: '1m0s', expire_timeout: '2h0m0s' });
  });

  test('clears settings that are given as empty or 0', async () => {
    await terminal.ok('create clear --max-attempts 5 --dead-queue up-dead --reference me');
    await terminal.run(['update', 'clear', '--dead-queue', '', '--reference', '']);
    expect(await info('clear')).toMatchObject({ max_attempts: 5 });
    expect(await info('clear')).not.toHaveProperty('dead_queue');
    expect(await info('clear')).not.toHaveProperty('reference');
    await terminal.ok('update clear --max-attempts 0');
    expect(await info('clear')).not.toHaveProperty('max_attempts');
  });

  test('requires a flag', async () => {
    expect(await terminal.run(['update', 'up'])).toMatchObject({
      code: 2,
      stderr: 'Error: no update flags provided (use --help to see available options)\n',
    });
  });

  test('names the step that failed', async () => {
    const { stderr } = await terminal.run(['update', 'nosuch', '--reference', 'x']);
    expect(stderr).toMatch(
      /^Error: failed to get current queue info: POST .*no such queue named 'nosuch'\n$/,
    );
  });
});

describe('delete', () => {
  test('deletes a queue', async () => {
    await terminal.ok('create gone');
    expect((await terminal.ok('delete gone --yes')).stderr).toBe("Successfully deleted queue 'gone'\n");
    expect((await terminal.run(['info', 'gone'])).code).toBe(3);
  });

  test('a queue is deleted only with --yes, or after a yes on a terminal', async () => {
    await terminal.ok('create full-of-mail');
    await terminal.ok('produce full-of-mail --payload x');
    const refused = await terminal.run(['delete', 'full-of-mail']);
    expect(refused).toEqual({
      code: 1,
      stdout: '',
      stderr:
        "Error: failed to delete queue: queue 'full-of-mail' holds 1 item(s); there is no terminal to ask on, add --yes\n",
    });
    for (const input of ['', 'n\n', 'maybe\n']) {
      const asked = await terminal.run(['delete', 'full-of-mail'], { input, isTerminal: true });
      expect(asked.code).toBe(1);
      expect(asked.stderr).toContain(
        "Queue 'full-of-mail' holds 1 item(s).\nDelete 'full-of-mail' with everything in it? [y/N]",
      );
      expect(asked.stderr).toContain('not confirmed');
    }
    await terminal.ok('info full-of-mail');
    expect((await terminal.run(['delete', 'full-of-mail'], { input: 'y\n', isTerminal: true })).code).toBe(0);
    expect((await terminal.run(['info', 'full-of-mail'])).code).toBe(3);
    await terminal.ok('create full-again');
    await terminal.ok('produce full-again --payload x');
    await terminal.ok('delete full-again --yes');
    await terminal.ok('create bare');
    expect((await terminal.run(['delete', 'bare'])).stderr).toContain("queue 'bare' holds no items; ");
    const asked = await terminal.run(['delete', 'bare'], { input: 'yes\n', isTerminal: true });
    expect(asked).toMatchObject({
      code: 0,
      stderr: expect.stringContaining("Queue 'bare' holds no items.\n"),
    });
  });

  test('--force does not replace --yes', async () => {
    await terminal.ok('create full-grave');
    await terminal.ok('create lively --dead-queue full-grave');
    await terminal.ok('produce full-grave --payload x');
    expect((await terminal.run(['delete', 'full-grave', '--force'])).stderr).toContain('add --yes');
    expect((await terminal.run(['delete', 'full-grave', '--yes'])).stderr).toContain('is the dead_queue of');
    await terminal.ok('delete full-grave --force --yes');
  });

  test('an empty queue that gets an item during the question is spared', async () => {
    await terminal.ok('create filling');
    const answers = (async function* () {
      await terminal.ok('produce filling --payload x');
      yield Buffer.from('y\n');
    })();
    const stdin = Readable.from(answers);
    const ran = await terminal.run(['delete', 'filling'], { stdin, isTerminal: true });
    expect(ran).toMatchObject({ code: 1, stderr: expect.stringContaining("queue is not empty; 'filling'") });
    await terminal.ok('info filling');
  });

  test('an empty queue of a server without /v2/ is deleted after a yes', async () => {
    const old = new Terminal(async (url, init) => {
      if (!String(url).includes('/v2/')) return fetch(url, init);
      const reply = { code: 501, code_text: 'Not Implemented', message: 'no such method; /v2/queues.delete' };
      return new Response(JSON.stringify(reply), {
        status: 501,
        headers: { 'Content-Type': 'application/json' },
      });
    });
    await terminal.ok('create at-old');
    await old.ok('delete at-old', { input: 'y\n', isTerminal: true });
    expect((await terminal.run(['info', 'at-old'])).code).toBe(3);
  });

  test('--force also deletes a dead letter queue in use', async () => {
    await terminal.ok('create grave');
    await terminal.ok('create alive --dead-queue grave');
    expect((await terminal.run(['delete', 'grave', '--yes'])).stderr).toContain(
      'Error: failed to delete queue: ',
    );
    await terminal.ok('delete grave --force --yes');
  });
});

describe('produce, lease, complete', () => {
  test('move an item through a queue', async () => {
    await terminal.ok('create one');
    const produced = await terminal.run([
      'produce',
      'one',
      '-p',
      'hello, wörld',
      '--encoding',
      'utf-8',
      '--kind',
      'greeting',
      '--reference',
      'acc-1',
    ]);
    expect(produced).toEqual({
      code: 0,
      stdout: '',
      stderr: 'Successfully produced item with payload of 13 bytes\n',
    });
    const leased = await terminal.ok('lease one --client-id me --batch-size 10');
    expect(leased.stderr).toBe("Successfully leased 1 item(s) from queue 'one'\n");
    const reply = json(leased.stdout);
    expect(reply).toEqual({
      queue_name: 'one',
      items: [
        {
          id: expect.any(String),
          attempts: 1,
          encoding: 'utf-8',
          kind: 'greeting',
          reference: 'acc-1',
          lease_deadline: expect.stringMatching(/^\d{4}-.*Z$/),
          bytes: Buffer.from('hello, wörld').toString('base64'),
        },
      ],
    });
    const completed = await terminal.ok(`complete one -p 0 ${reply.items[0].id}`);
    expect(completed).toEqual({
      code: 0,
      stdout: '',
      stderr: "Successfully completed 1 item(s) in queue 'one' partition 0\n",
    });
  });

  test('produce reads the item from standard input if there is no payload, byte by byte', async () => {
    await terminal.ok('create stdin');
    await terminal.ok('produce stdin', { input: [Buffer.from([0, 255, 10]), Buffer.from('x\n')] });
    const line = json((await terminal.ok('lease stdin --jsonl')).stdout);
    expect(Buffer.from(line.bytes, 'base64')).toEqual(Buffer.from([0, 255, 10, 120, 10]));
  });

  test('produce stops reading an endless standard input', async () => {
    let chunks = 0;
    function* endless() {
      while (true) {
        chunks += 1;
        yield Buffer.alloc(64_000);
      }
    }
    const { code, stderr } = await terminal.run(['produce', 'stdin'], { input: endless() });
    expect(code).toBe(1);
    expect(stderr).toBe(
      'Error: failed to produce item: standard input is longer than the 5000000 bytes of a request\n',
    );
    expect(chunks).toBeLessThan(200);
  });

  test('lease does not return a scheduled item before its time', async () => {
    await terminal.ok('create later');
    await terminal.ok('produce later -p x --enqueue-at 2099-01-01T00:00:00Z');
    const { logicalQueues } = json((await terminal.ok('stats later')).stdout);
    expect(logicalQueues[0].partitions[0]).toMatchObject({ scheduled: 1 });
    expect((await terminal.run(['produce', 'later', '-p', 'x', '--enqueue-at', 'tomorrow'])).stderr).toBe(
      "Error: invalid enqueue-at time format (use RFC3339): 'tomorrow'\n",
    );
  });

  test("lease on an empty queue fails with the server's message", async () => {
    await terminal.ok('create empty');
    expect(await terminal.run(['lease', 'empty', '--timeout', '20ms'])).toEqual({
      code: 3,
      stdout: '',
      stderr:
        "Error: failed to lease items: POST http://localhost:2319/v1/queue.lease returned 'Retry Request' with message: request timeout; no items are in the queue, try again\n",
    });
  });

  test('lease --jsonl prints every field on every line', async () => {
    await terminal.ok('create lines');
    await terminal.ok('produce lines --file -', { input: 'a\n\n' });
    const { stdout } = await terminal.ok('lease lines -b 5 --jsonl');
    const lines = stdout.trimEnd().split('\n').map(json);
    expect(lines).toHaveLength(2);
    expect(lines[1]).toEqual({
      queue_name: 'lines',
      partition: 0,
      id: expect.any(String),
      attempts: 1,
      lease_deadline: expect.any(String),
      encoding: '',
      kind: '',
      reference: '',
      metadata: {},
      bytes: '',
    });
  });

  test('complete requires ids', async () => {
    expect((await terminal.run(['complete', 'one', '-p', '0'])).stderr).toBe(
      'Error: no item IDs provided (use command line arguments or --file)\n',
    );
    expect(
      (await terminal.run(['complete', 'one', '-p', '0', '--file', '-'], { input: '\n \n' })).stderr,
    ).toBe('Error: no item IDs to complete\n');
    expect((await terminal.run(['complete', 'one', '-p', '0', '--file', '/no/such'])).stderr).toMatch(
      /^Error: failed to open file: ENOENT/,
    );
  });

  test('complete trims ids, and accepts more than one request can have', async () => {
    await terminal.ok('create many');
    await terminal.ok('produce many --file -', { input: 'x\n'.repeat(1_500) });
    const ids: string[] = [];
    for (let i = 0; i < 2; i++) {
      const { stdout } = await terminal.ok('lease many -b 1000 --jsonl');
      ids.push(
        ...stdout
          .trimEnd()
          .split('\n')
          .map((line) => json(line).id),
      );
    }
    const input = ids.map((id) => `  ${id}\r\n`).join('\n');
    expect((await terminal.ok('complete many -p 0 --file -', { input })).stderr).toBe(
      "Successfully completed 1500 item(s) in queue 'many' partition 0\n",
    );
  });

  test('complete prints how many ids are completed when it fails', async () => {
    await terminal.ok('create part');
    await terminal.ok('produce part --file -', { input: 'x\n'.repeat(1_000) });
    const { stdout } = await terminal.ok('lease part -b 1000 --jsonl');
    const input = stdout.replaceAll(/.*"id":"(\w+)".*/g, '$1').concat('nonsense\n');
    const { code, stderr } = await terminal.run(['complete', 'part', '-p', '0', '--file', '-'], { input });
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /^Error: failed to complete items: POST .*; the first 1000 item\(s\) are completed\n$/,
    );
  });
});

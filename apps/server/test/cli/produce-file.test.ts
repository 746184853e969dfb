import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import type { Fetch } from '@querator/client';
import { MESSAGES, QueueError } from '@querator/core';
import { codecs, errorReply, SUCCESS_REPLY } from '@querator/protocol';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startInProcess, Terminal } from './support/terminal.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'querator-cli-'));
});
afterAll(() => rm(folder, { recursive: true }));

describe('a file of words', () => {
  const { server, fetch } = startInProcess();
  const terminal = new Terminal(fetch);
  afterAll(() => server.stop());

  test('of 10,000 lines is stored, and leased completely and in order', async () => {
    const words = Array.from({ length: 10_000 }, (_, i) => `wörd-${i}${i % 7 === 0 ? "'s" : ''}`);
    const file = join(folder, 'words');
    await writeFile(file, `${words.join('\n')}\n`);
    await terminal.ok('create words');
    expect((await terminal.ok(`produce words --file ${file}`)).stderr).toBe(
      "Successfully produced 10000 item(s) to queue 'words'\n",
    );

    const out: string[] = [];
    while (out.length < words.length) {
      const { stdout } = await terminal.ok('lease words -b 777 --jsonl');
      const lines = stdout
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line));
      out.push(...lines.map(({ bytes }) => Buffer.from(bytes, 'base64').toString()));
      const input = lines.map(({ id }) => `${id}\n`).join('');
      await terminal.ok(`complete words --partition ${lines[0].partition} --file -`, { input });
    }
    expect(out).toEqual(words);
    expect((await terminal.run(['lease', 'words', '--timeout', '20ms'])).stderr).toContain(
      'no items are in the queue',
    );
    expect(
      JSON.parse((await terminal.ok('stats words')).stdout).logicalQueues[0].partitions[0],
    ).not.toHaveProperty('total');
  });
});

/** A server that stores payloads or fails as planned. `undefined` stands for a request that succeeds. */
function recordingServer(outcomes: (Error | undefined)[] = []) {
  const requests: string[][] = [];
  const fetch: Fetch = async (_url, { body }) => {
    const { items } = codecs.QueueProduceRequest.decode(body as Uint8Array);
    requests.push(items.map(({ bytes }) => Buffer.from(bytes).toString()));
    const outcome = outcomes.shift();
    if (outcome !== undefined && !(outcome instanceof QueueError)) throw outcome;
    const reply = outcome === undefined ? SUCCESS_REPLY : errorReply(outcome);
    return new Response(codecs.Reply.encode(reply) as Uint8Array<ArrayBuffer>, {
      status: reply.code,
      headers: { 'Content-Type': 'application/protobuf' },
    });
  };
  return { requests, terminal: new Terminal(fetch) };
}

describe('lines', () => {
  const itemsOf = async (chunks: Iterable<string | Uint8Array>, ...flags: string[]) => {
    const { requests, terminal } = recordingServer();
    const { stderr } = await terminal.run(['produce', 'q', '--file', '-', ...flags], { input: chunks });
    return { requests, stderr };
  };

  test.each([
    ['end with a line feed', ['a\nb\n'], ['a', 'b']],
    ['end with the file', ['a\nb'], ['a', 'b']],
    ['may be empty', ['\n\na\n\n'], ['', '', 'a', '']],
    ['keep a carriage return', ['a\r\nb\r'], ['a\r', 'b\r']],
    ['keep blanks and byte order marks', ['\ufeff a \n\tb\n'], ['\ufeff a ', '\tb']],
    [
      'may be cut anywhere by the chunks of the input',
      ['a', 'b\nc', '', 'd', '\n', '\ne'],
      ['ab', 'cd', '', 'e'],
    ],
  ])('%s', async (_, chunks, items) => {
    expect((await itemsOf(chunks)).requests.flat()).toEqual(items);
  });

  test('an empty file has none', async () => {
    const { requests, stderr } = await itemsOf(['']);
    expect(requests).toEqual([]);
    expect(stderr).toBe("Successfully produced 0 item(s) to queue 'q'\n");
  });

  test('are sent in batches by number', async () => {
    const { requests } = await itemsOf(['1\n2\n3\n4\n5\n'], '--batch', '2');
    expect(requests).toEqual([['1', '2'], ['3', '4'], ['5']]);
  });

  test('are sent in batches by size', async () => {
    const line = 'x'.repeat(2_000_000);
    const { requests } = await itemsOf(Array.from({ length: 5 }, () => `${line}\n`));
    expect(requests.map((items) => items.length)).toEqual([2, 2, 1]);
  });

  test('that are too long for a request end the command, after the lines before them', async () => {
    let chunks = 0;
    function* endless() {
      yield 'a\nb\n';
      while (true) {
        chunks += 1;
        yield Buffer.alloc(100_000, 'x');
      }
    }
    const { requests, stderr } = await itemsOf(endless());
    expect(requests).toEqual([['a', 'b']]);
    expect(stderr).toMatch(
      /^Error: failed to produce item: the line is longer than \d+ bytes; lines 1 to 2 are stored, no others; go on with line 3\n$/,
    );
    expect(chunks).toBeLessThan(100);
  });

  test('all get the values of the flags', async () => {
    const sent: unknown[] = [];
    const fetch: Fetch = async (_url, { body }) => {
      sent.push(...codecs.QueueProduceRequest.decode(body as Uint8Array).items);
      return new Response('{"code":200}', { headers: { 'Content-Type': 'application/json' } });
    };
    await new Terminal(fetch).ok(
      'produce q --file - --kind word --encoding utf-8 --reference me --enqueue-at 2030-01-01T00:00:00Z',
      { input: 'a\nb\n' },
    );
    const shared = {
      kind: 'word',
      encoding: 'utf-8',
      reference: 'me',
      enqueueAt: { seconds: 1_893_456_000, nanos: 0 },
    };
    expect(sent).toMatchObject([shared, shared]);
  });
});

describe('a failure', () => {
  const input = '1\n2\n3\n4\n5\n6\n';
  const argv = ['produce', 'q', '--file', '-', '--batch', '2'];

  test.each([MESSAGES.produceTimedOut, MESSAGES.overloaded])(
    '%s: the same batch is sent again',
    async (message) => {
      const busy = new QueueError('retry', message);
      const { requests, terminal } = recordingServer([undefined, busy, busy]);
      const slept: number[] = [];
      const ran = await terminal.run(argv, {
        input,
        sleep: async (delayMs) => {
          slept.push(delayMs);
        },
      });
      expect(ran).toMatchObject({ code: 0, stderr: "Successfully produced 6 item(s) to queue 'q'\n" });
      expect(requests).toEqual([
        ['1', '2'],
        ['3', '4'],
        ['3', '4'],
        ['3', '4'],
        ['5', '6'],
      ]);
      expect(slept).toHaveLength(2);
    },
  );

  test('that lasts ends the command', async () => {
    const { requests, terminal } = recordingServer(
      Array.from({ length: 50 }, () => new QueueError('retry', MESSAGES.overloaded)),
    );
    const { code, stderr } = await terminal.run(argv, { input });
    expect(code).toBe(1);
    expect(stderr).toContain('queue is overloaded; try again later; no line is stored\n');
    expect(requests).toHaveLength(10);
  });

  test.each([
    ['an outcome the server does not know', new QueueError('retry', MESSAGES.produceOutcomeUnknown)],
    ['a failure of storage', new QueueError('retry', MESSAGES.storageFailed)],
    ['a broken connection', new TypeError('fetch failed', { cause: new Error('other side closed') })],
  ])('%s: the batch is not sent again', async (_, failure) => {
    const { requests, terminal } = recordingServer([undefined, failure]);
    const { code, stderr } = await terminal.run(argv, { input });
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /; lines 1 to 2 are stored, lines 3 to 4 may or may not be, no others; look at the queue, then go on with line 3 or 5\n$/,
    );
    expect(requests).toHaveLength(2);
  });

  test.each([
    ['a refusal', new QueueError('invalid', 'queue does not exist; no such queue named')],
    [
      'no connection',
      new TypeError('fetch failed', { cause: Object.assign(new Error('no'), { code: 'ECONNREFUSED' }) }),
    ],
  ])('%s: nothing of the batch is stored', async (_, failure) => {
    const { terminal } = recordingServer([undefined, failure]);
    const { stderr } = await terminal.run(argv, { input });
    expect(stderr).toMatch(/; lines 1 to 2 are stored, no others; go on with line 3\n$/);
  });

  test('of the input is reported with the lines that are stored', async () => {
    const { terminal } = recordingServer();
    async function* broken() {
      yield Buffer.from('1\n2\n3\n');
      throw new Error('the disk is gone');
    }
    const { code, stderr } = await terminal.run(argv, { stdin: Readable.from(broken()) });
    expect(code).toBe(1);
    expect(stderr).toBe(
      'Error: failed to produce item: failed to read from stdin: the disk is gone; lines 1 to 2 are stored, no others; go on with line 3\n',
    );
  });
});

describe('an interruption', () => {
  test('lets the request in progress finish, and prints the lines that are stored', async () => {
    const interruption = new AbortController();
    const recorder = recordingServer();
    let requests = 0;
    const fetch: Fetch = async () => {
      requests += 1;
      if (requests === 2) interruption.abort();
      return new Response('{"code":200}', { headers: { 'Content-Type': 'application/json' } });
    };
    const ran = await recorder.terminal.run(['produce', 'q', '--file', '-', '--batch', '1'], {
      input: '1\n2\n3\n4\n',
      fetch,
      interrupted: () => interruption.signal,
    });
    expect(ran).toEqual({
      code: 130,
      stdout: '',
      stderr: 'Interrupted: lines 1 to 2 are stored, no others; go on with line 3\n',
    });
  });

  test('ends a wait for input', async () => {
    const interruption = new AbortController();
    const { terminal } = recordingServer();
    const running = terminal.run(['produce', 'q', '--file', '-'], {
      stdin: new Readable({ read: () => setImmediate(() => interruption.abort()) }),
      interrupted: () => interruption.signal,
    });
    expect(await running).toMatchObject({ code: 130, stderr: 'Interrupted: no line is stored\n' });
  });
});

test('a terminal shows the count as it grows, and then only the result', async () => {
  const { terminal } = recordingServer();
  const { stderr } = await terminal.run(['produce', 'q', '--file', '-', '--batch', '1'], {
    input: '1\n2\n',
    isTerminal: true,
  });
  expect(stderr.startsWith('\r\u001b[2K1 item(s) produced')).toBe(true);
  expect(stderr.endsWith("\r\u001b[2KSuccessfully produced 2 item(s) to queue 'q'\n")).toBe(true);
});

import { Readable, Writable } from 'node:stream';
import type { Fetch } from '@querator/client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { queueTable } from '../../src/cli/top/queue-table.ts';
import type { QueueRow } from '../../src/cli/top/queue-watch.ts';
import { startInProcess, Terminal } from './support/terminal.ts';

const { server, fetch } = startInProcess();
const terminal = new Terminal(fetch);
beforeAll(async () => {
  await server.start();
  await terminal.ok('create graves');
  await terminal.ok('create mail --dead-queue graves');
  await terminal.ok('create orders');
  await terminal.ok('produce mail --file -', { input: 'a\nb\nc\n' });
  await terminal.ok('lease mail');
  await terminal.ok('produce graves --payload dead');
  await terminal.ok('produce orders --payload later --enqueue-at 2099-01-01T00:00:00Z');
  for (const queue of ['graves', 'mail', 'orders']) await terminal.ok(`reload ${queue}`);
});
afterAll(() => server.stop());

/** A terminal of 80 columns that records its pages, and whose user presses a key after each look. */
class FakeTerminal {
  readonly written: string[] = [];
  readonly raw: boolean[] = [];
  readonly stdin: Readable;
  readonly stdout: Writable;

  constructor(rows = 12) {
    this.stdin = Object.assign(new Readable({ read() {} }), {
      ...{ isTTY: true, setRawMode: (on: boolean) => void this.raw.push(on) },
    });
    const write = (chunk: Buffer, _: string, done: () => void) => {
      this.written.push(chunk.toString());
      done();
    };
    this.stdout = Object.assign(new Writable({ write }), { isTTY: true, columns: 80, rows });
  }

  /** The lines of each page. */
  get pages(): readonly (readonly string[])[] {
    const pages = this.written.filter((text) => text.startsWith('\u001b[H'));
    return pages.map((text) =>
      text
        .slice(3, -3)
        .split('\r\n')
        .map((line) => line.replace('\u001b[K', '')),
    );
  }

  /** Runs a command. The user presses one of the keys after each look. */
  async run(line: string, keys: readonly string[], through = terminal) {
    const left = [...keys];
    const sleep = async () => {
      this.stdin.push(left.shift() ?? 'q');
      await new Promise((resolve) => setImmediate(resolve));
    };
    const io = { stdin: this.stdin, stdout: this.stdout, isTerminal: true, sleep };
    return through.run(line.split(' '), io);
  }
}

test('top shows the screen of before, and the cursor, before a signal ends it', async () => {
  const fake = new FakeTerminal();
  let signals: readonly string[] = [];
  let end = () => {};
  const beforeEnd = (given: readonly string[], cleanUp: () => void) => {
    [signals, end] = [given, cleanUp];
    return () => {};
  };
  const interruption = new AbortController();
  let atSignal: string | undefined;
  const sleep = async () => {
    end();
    atSignal = fake.written.join('');
    interruption.abort();
  };
  const io = { stdin: fake.stdin, stdout: fake.stdout, isTerminal: true, sleep, beforeEnd };
  await terminal.run(['top'], { ...io, interrupted: () => interruption.signal });
  expect(signals).toEqual(['SIGTERM', 'SIGHUP']);
  expect(atSignal?.endsWith('\u001b[?25h\u001b[?1049l')).toBe(true);
  expect(fake.raw).toEqual([true, false, false]);
});

describe('top --once', () => {
  test('prints one table', async () => {
    const { stdout, code } = await terminal.ok('top --once');
    expect(code).toBe(0);
    expect(stdout.replaceAll(/ +/g, ' ')).toMatch(
      new RegExp(
        '^QUEUE WAITING\\* LEASED SCHED DEAD HEAD NET/S\n' +
          'mail 2 1 0 (1|-) \\d+s -\ngraves 1 0 0 - \\d+s -\norders 0 0 1 - - -\n$',
      ),
    );
    for (const each of stdout.split('\n')) expect(each.length).toBeLessThanOrEqual(80);
  });

  test('prints JSON with --json', async () => {
    const { stdout } = await terminal.ok('top mail --once --json --sort queue');
    const { queues } = JSON.parse(stdout);
    expect(queues).toMatchObject([{ queue: 'mail', waiting: 2, leased: 1, scheduled: 0 }]);
    expect(stdout.trimEnd()).not.toContain('\n');
  });

  test('fails like other commands', async () => {
    expect(await terminal.run(['top', 'gone', '--once'])).toMatchObject({
      ...{ code: 3, stderr: expect.stringContaining('failed to watch queues: ') },
    });
    expect(await terminal.run(['top'])).toMatchObject({ code: 2 });
    expect(await terminal.run(['top', '--interval', '1ms', '--once'])).toMatchObject({ code: 2 });
    expect(await terminal.run(['top', '--sort', 'size', '--once'])).toMatchObject({ code: 2 });
  });
});

test('top --json prints a line for each look, until Ctrl-C', async () => {
  const interruption = new AbortController();
  let looks = 0;
  const sleep = async () => {
    looks += 1;
    if (looks === 3) interruption.abort();
  };
  const ran = await terminal.run(['top', '--json'], { sleep, interrupted: () => interruption.signal });
  expect(ran.code).toBe(130);
  const lines = ran.stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(lines).toHaveLength(3);
  // The dead-letter queue is known from the first look on.
  expect(lines[2].queues.find(({ queue }: { queue: string }) => queue === 'mail')).toMatchObject({ dead: 1 });
});

describe('top on a terminal', () => {
  test('draws pages in place, and leaves the terminal as it was', async () => {
    const fake = new FakeTerminal();
    expect(await fake.run('top', ['', 'q'])).toMatchObject({ code: 0, stderr: '' });
    expect(fake.raw).toEqual([true, false]);
    expect(fake.written[0]).toBe('\u001b[?1049h\u001b[?25l\u001b[?7l');
    expect(fake.written.at(-1)).toBe('\u001b[?7h\u001b[?25h\u001b[?1049l');
    // A page is one write, which clears only what follows its own text: nothing flickers.
    expect(fake.written.slice(1, -1).every((text) => text.startsWith('\u001b[H'))).toBe(true);
    expect(fake.written.join('')).not.toContain('\u001b[2J');
    const last = fake.pages.at(-1) ?? [];
    expect(last.map((line) => line.split(/ +/)[0])).toEqual(['3', 'QUEUE', 'mail', 'graves', 'orders', 'q']);
    for (const line of fake.pages.flat()) expect(line.length).toBeLessThanOrEqual(80);
  });

  test('sorts by keys', async () => {
    const fake = new FakeTerminal();
    await fake.run('top --sort queue', ['s', 'a', 'q']);
    const orders = fake.pages.map((page) => page.slice(2, -1).map((line) => line.split(' ')[0]));
    expect(orders).toContainEqual(['graves', 'mail', 'orders']);
    expect(orders).toContainEqual(['orders', 'graves', 'mail']);
    const heads = fake.pages.map((page) => page[1]?.match(/(\S+)\*/)?.[1]);
    expect(heads).toEqual(expect.arrayContaining(['QUEUE', 'SCHED', 'HEAD']));
  });

  test('ends with Ctrl-C, with code 130', async () => {
    const fake = new FakeTerminal();
    expect(await fake.run('top', ['\u0003'])).toMatchObject({ code: 130, stderr: '' });
    expect(fake.raw).toEqual([true, false]);
  });

  test('shows no more lines than fit, with the keys in the last', async () => {
    const fake = new FakeTerminal(4);
    await fake.run('top', ['q']);
    const last = fake.pages.at(-1) ?? [];
    expect(last).toHaveLength(4);
    expect(last[3]).toMatch(/^q quit/);
  });

  test('shows a failure, and goes on', async () => {
    const fake = new FakeTerminal();
    let calls = 0;
    const flaky: Fetch = (url, init) =>
      ++calls === 1 ? Promise.reject(new TypeError('fetch failed')) : fetch(url, init);
    const ran = await fake.run('top', ['', 'q'], new Terminal(flaky));
    expect(ran).toMatchObject({ code: 0, stderr: '' });
    const statuses = fake.pages.map(([status]) => status);
    expect(statuses).toContainEqual(expect.stringMatching(/^0 queue\(s\) {2}Error: Client Error: /));
    expect(statuses.at(-1)).toMatch(/^3 queue\(s\) *$/);
  });
});

describe('the load of top', () => {
  /** A server with many queues whose counts grow, which records what it is asked. */
  function manyQueues(number: number) {
    const asked: string[] = [];
    let atOnce = 0;
    let most = 0;
    const names = Array.from({ length: number }, (_, n) => `q-${String(n).padStart(4, '0')}`);
    const countsFetch: Fetch = async (url, init) => {
      const path = new URL(url).pathname;
      asked.push(path);
      most = Math.max(most, ++atOnce);
      await new Promise((resolve) => setImmediate(resolve));
      atOnce -= 1;
      const headers = { 'Content-Type': 'application/json' };
      if (!path.endsWith('.list')) {
        const counts = { waiting: asked.length, count_age: '10ms', queue: { queue_name: 'x' } };
        return new Response(JSON.stringify(counts), { headers });
      }
      const pivot = /q-\d{4}/.exec(Buffer.from(init.body as Uint8Array).toString())?.[0] ?? '';
      const items = names.filter((name) => name >= pivot).map((queue_name) => ({ queue_name }));
      return new Response(JSON.stringify({ items }), { headers });
    };
    return { terminal: new Terminal(countsFetch), asked, mostAtOnce: () => most };
  }

  test('is at most 100 queues a look, 8 at a time, and all have their turn', async () => {
    const { terminal: many, asked, mostAtOnce } = manyQueues(250);
    const interruption = new AbortController();
    const described: number[] = [];
    const sleep = async () => {
      described.push(asked.filter((path) => path.endsWith('.describe')).length);
      if (described.length === 3) interruption.abort();
    };
    const ran = await many.run(['top', '--json'], { sleep, interrupted: () => interruption.signal });
    expect(described).toEqual([100, 200, 250]);
    expect(mostAtOnce()).toBeLessThanOrEqual(8);
    const looks = ran.stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(looks.map(({ queues, not_counted }) => [queues.length, not_counted])).toEqual([
      [100, 150],
      [200, 50],
      [250, 0],
    ]);
  });

  test('--once goes on until all were counted', async () => {
    const { terminal: many } = manyQueues(250);
    const { stdout } = await many.ok('top --once');
    expect(stdout.trimEnd().split('\n')).toHaveLength(251);
  });

  test('rates are differences of counts over the time between them', async () => {
    const counts = [
      { waiting: 100, leased: 0, count_age: '100ms' },
      { waiting: 150, leased: 20, count_age: '100ms' },
      // The same count again, which is older now.
      { waiting: 150, leased: 20, count_age: '1100ms' },
      { waiting: 0, leased: 20, count_age: '100ms' },
    ];
    let now = 0;
    let look = 0;
    const interruption = new AbortController();
    const sleep = async () => {
      now += 1_000;
      look += 1;
      if (look === counts.length) interruption.abort();
    };
    const rates = new Terminal(async () => {
      const headers = { 'Content-Type': 'application/json' };
      return new Response(JSON.stringify({ queue: { queue_name: 'q' }, ...counts[look] }), { headers });
    });
    const io = { sleep, monotonicClock: () => now, interrupted: () => interruption.signal };
    const { stdout } = await rates.run(['top', 'q', '--json'], io);
    const lines = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line).queues[0].net_per_second);
    expect(lines).toEqual([undefined, 70, 70, -75]);
  });
});

describe('the table', () => {
  const row: QueueRow = {
    ...{ queue: 'q', waiting: 0, leased: 0, scheduled: 0, dead: undefined },
    ...{ headAgeMs: undefined, countAgeMs: 0, netPerSecond: undefined },
  };

  test.each([40, 63, 80, 200])('fits in %i columns, whatever it shows', (columns) => {
    const rows: QueueRow[] = [
      { ...row, queue: 'n'.repeat(512), waiting: 2 ** 31, leased: 999_999, dead: 12_345_678 },
      { ...row, queue: 'line\nfeed\u202e', headAgeMs: 10 ** 12, netPerSecond: -123_456.7 },
      { ...row, queue: 'uncounted', countAgeMs: undefined, netPerSecond: 0.01 },
    ];
    const lines = queueTable(rows, 'waiting', columns);
    expect(lines).toHaveLength(4);
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(columns);
  });

  test('shows numbers and ages in a few characters', () => {
    const cellsOf = (given: Partial<QueueRow>) =>
      queueTable([{ ...row, ...given }], 'queue', 80)[1]
        ?.trim()
        .split(/ +/)
        .slice(1);
    expect(cellsOf({ waiting: 1_234_567, leased: 2_000_000_000, scheduled: 999_999 })).toEqual([
      ...['1.2M', '2.0G', '999999', '-', '-', '-'],
    ]);
    expect(cellsOf({ countAgeMs: undefined })).toEqual(['?', '?', '?', '-', '-', '-']);
    expect(cellsOf({ dead: 3, headAgeMs: 61_000, netPerSecond: 12.34 })?.slice(3)).toEqual([
      '3',
      '1m1s',
      '+12.3',
    ]);
    expect(cellsOf({ headAgeMs: 7_320_000, netPerSecond: -5_000 })?.slice(4)).toEqual(['2h2m', '-5000']);
    expect(cellsOf({ headAgeMs: 200_000_000, netPerSecond: 0 })?.slice(4)).toEqual(['2d7h', '0']);
  });
});

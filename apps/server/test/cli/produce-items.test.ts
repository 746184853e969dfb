import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startInProcess, Terminal } from './support/terminal.ts';

const { server, fetch } = startInProcess();
const terminal = new Terminal(fetch);
beforeAll(() => server.start());
afterAll(() => server.stop());

interface Line {
  readonly [field: string]: unknown;
}

const linesOf = (text: string): Line[] =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));

/** What a producer gave an item. */
const produced = ({ encoding, kind, reference, metadata, bytes }: Line) => ({
  ...{ encoding, kind, reference, metadata, bytes },
});

describe('what lease --jsonl prints', () => {
  test('is produced again with all that its producer gave it, whatever that is', async () => {
    await terminal.ok('create from');
    await terminal.ok('create to');
    await terminal.run([
      ...['produce', 'from', '-p', 'a "quoted" \u202e\nline', '--kind', 'wörd', '--encoding', 'text/plain'],
      ...['--reference', 'a=b', '--metadata', 'tenant=blue', '--metadata', 'trace=a=b\u2028'],
    ]);
    await terminal.ok('produce from', { input: [randomBytes(3_000)] });
    await terminal.ok('produce from', { input: [Buffer.alloc(0)] });
    const { stdout } = await terminal.ok('lease from -b 10 --jsonl');
    const moved = await terminal.ok('produce to --file - --lines items', { input: stdout });
    expect(moved.stderr).toBe("Successfully produced 3 item(s) to queue 'to'\n");
    const again = await terminal.ok('lease to -b 10 --jsonl');
    expect(linesOf(again.stdout).map(produced)).toEqual(linesOf(stdout).map(produced));
    expect(linesOf(stdout)[0]).toMatchObject({ metadata: { tenant: 'blue', trace: 'a=b\u2028' } });
  });

  test('is produced also if its payloads need several requests', async () => {
    await terminal.ok('create large');
    await terminal.ok('create copy');
    for (let n = 0; n < 3; n++) await terminal.ok('produce large', { input: [randomBytes(3_500_000)] });
    const lines: string[] = [];
    for (let n = 0; n < 3; n++) lines.push((await terminal.ok('lease large --jsonl')).stdout);
    const input = lines.map((line) => Buffer.from(line));
    const { stderr } = await terminal.ok('produce copy --file - --lines items', { input });
    expect(stderr).toBe("Successfully produced 3 item(s) to queue 'copy'\n");
    for (const line of lines) {
      expect(produced(linesOf((await terminal.ok('lease copy --jsonl')).stdout)[0] as Line)).toEqual(
        produced(linesOf(line)[0] as Line),
      );
    }
  }, 30_000);

  test('has no metadata from a server without /v2/', async () => {
    const old = new Terminal(async (url, init) => {
      if (!url.includes('/v2/')) return fetch(url, init);
      const reply = { code: 501, code_text: 'Not Implemented', message: 'no such method' };
      const headers = { 'Content-Type': 'application/json' };
      return new Response(JSON.stringify(reply), { status: 501, headers });
    });
    await old.ok('create old');
    await old.ok('produce old --payload x --kind k');
    const [line] = linesOf((await old.ok('lease old --jsonl')).stdout);
    expect(line).toMatchObject({ kind: 'k', metadata: {} });
    await old.ok('produce old --file - --lines items', { input: `${JSON.stringify(line)}\n` });
  });
});

describe('lines of items', () => {
  test('may lack fields, and have a text instead of bytes, and a time', async () => {
    await terminal.ok('create short');
    const input = '{"utf8":"now"}\n{}\n{"utf8":"later","enqueue_at":"2099-01-01T00:00:00Z"}\n';
    await terminal.ok('produce short --file - --lines items', { input });
    const lines = linesOf((await terminal.ok('lease short -b 9 --jsonl')).stdout);
    expect(lines.map(({ bytes }) => atob(bytes as string))).toEqual(['now', '']);
    const scheduled = await terminal.ok('find short --state scheduled --json');
    expect(JSON.parse(scheduled.stdout).items).toMatchObject([{ enqueue_at: '2099-01-01T00:00:00Z' }]);
  });

  test('without a time get that of --enqueue-at', async () => {
    await terminal.ok('create timed');
    const line = 'produce timed --file - --lines items --enqueue-at 2098-01-01T00:00:00Z';
    await terminal.ok(line, { input: '{}\n{"enqueue_at":"2099-01-01T00:00:00Z"}\n' });
    const { items } = JSON.parse((await terminal.ok('find timed --json')).stdout);
    const times = items.map(({ enqueue_at }: { enqueue_at: string }) => enqueue_at.slice(0, 4));
    expect(times.sort()).toEqual(['2098', '2099']);
  });

  test.each([
    ['no JSON', 'line 2 is not an item: ', 'hello'],
    ['another JSON value', 'line 2 is not an item: expected a JSON object', '[1]'],
    ['an unknown field', 'line 2 is not an item: proto: ', '{"colour":"red"}'],
    ['a field of another type', 'line 2 is not an item: ', '{"kind":7}'],
    ['bytes that are no base64', 'line 2 is not an item: ', '{"bytes":"%%"}'],
    ['a byte that is no UTF-8', 'line 2 is not an item: ', Buffer.from([0x7b, 0xff, 0x7d])],
  ])('that are %s are an error, and the lines from there on are not stored', async (_, text, bad) => {
    await terminal.run(['create', 'bad']);
    await terminal.run(['clear', 'bad', '--yes']);
    const input = [Buffer.from('{"utf8":"a"}\n'), Buffer.from(bad), Buffer.from('\n{"utf8":"c"}\n')];
    const argv = ['produce', 'bad', '--file', '-', '--lines', 'items', '--batch', '1'];
    const ran = await terminal.run(argv, { input });
    expect(ran.code).toBe(1);
    expect(ran.stderr).toContain(`Error: failed to produce item: ${text}`);
    expect(ran.stderr).toContain('; lines 1 to 1 are stored, no others; go on with line 2');
    expect((await terminal.ok('find bad')).stderr).toContain('Found 1 item(s)');
  });

  test.each([
    ['produce q --file - --lines items --kind k', '--lines items excludes'],
    ['produce q --file - --lines items --metadata a=b', '--lines items excludes'],
    ['produce q --lines items', '--lines needs --file'],
    ['produce q --file - --lines cells', "It is neither 'payloads' nor 'items'."],
    ['produce q --file - --dedup-key k', '--file excludes --dedup-key'],
  ])('%s is wrong usage', async (line, text) => {
    expect(await terminal.run(line.split(' '))).toMatchObject({
      ...{ code: 2, stderr: expect.stringContaining(text) },
    });
  });

  test('of payloads may share metadata', async () => {
    await terminal.ok('create shared');
    await terminal.ok('produce shared --file - --metadata tenant=blue', { input: 'a\nb\n' });
    const lines = linesOf((await terminal.ok('lease shared -b 9 --jsonl')).stdout);
    expect(lines.map(({ metadata }) => metadata)).toEqual([{ tenant: 'blue' }, { tenant: 'blue' }]);
  });
});

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startInProcess, Terminal } from './support/terminal.ts';

const { server, fetch } = startInProcess();
let calls = 0;
const terminal = new Terminal((url, init) => {
  calls += 1;
  return fetch(url, init);
});
beforeAll(() => server.start());
afterAll(() => server.stop());

const produce = (queue: string, from: number, to: number) => {
  const input = Array.from({ length: to - from }, (_, n) => `item-${from + n}\n`).join('');
  return terminal.ok(`produce ${queue} --file -`, { input });
};

/** Follows a queue. One of `between` happens before each look. Then the user interrupts. */
async function follow(line: string, between: readonly (() => Promise<unknown>)[]) {
  const interruption = new AbortController();
  const steps = [...between];
  const startedAt = calls;
  let callsToStart = 0;
  const sleep = async () => {
    callsToStart ||= calls - startedAt;
    const step = steps.shift();
    if (step === undefined) interruption.abort();
    else await step();
  };
  const ran = await terminal.run(line.split(' '), { sleep, interrupted: () => interruption.signal });
  return { ...ran, callsToStart, payloads: ran.stdout.match(/item-\d+/g) ?? [] };
}

const nothing = async () => {};

describe('tail', () => {
  test('prints what enters a queue, and nothing of what it held', async () => {
    await terminal.ok('create busy');
    for (let from = 0; from < 20_000; from += 5_000) await produce('busy', from, from + 5_000);
    const { code, payloads, stderr, callsToStart } = await follow('tail busy', [
      () => produce('busy', 20_000, 20_003),
      nothing,
      () => produce('busy', 20_003, 20_004),
    ]);
    expect(payloads).toEqual(['item-20000', 'item-20001', 'item-20002', 'item-20003']);
    expect(code).toBe(130);
    expect(stderr).toMatch(/^Follows 1 partition\(s\) of queue 'busy'\. Items that come and go .*\n/);
    expect(stderr).toContain('Printed 4 item(s), left out 0 item(s)\n');
    // The queue's settings, the first items, and probes whose number grows with the logarithm of the length.
    expect(callsToStart).toBeLessThan(60);
  });

  test('finds the end of a queue in few requests, whatever it holds', async () => {
    await terminal.ok('create some');
    for (let held = 1; held <= 40; held++) {
      await produce('some', held - 1, held);
      const { callsToStart, payloads } = await follow('tail some', [() => Promise.resolve()]);
      expect([held, payloads, callsToStart < 40]).toEqual([held, [], true]);
    }
  });

  test('prints a sample if much enters, says so, and goes on at the end', async () => {
    await terminal.ok('create flood');
    const { payloads, stderr } = await follow('tail flood --sample 5', [
      () => produce('flood', 0, 5),
      () => produce('flood', 5, 2_000),
      () => produce('flood', 2_000, 7_000),
      () => produce('flood', 7_000, 7_002),
    ]);
    expect(payloads).toEqual([
      ...['item-0', 'item-1', 'item-2', 'item-3', 'item-4'],
      ...['item-5', 'item-6', 'item-7', 'item-8', 'item-9'],
      ...['item-2000', 'item-2001', 'item-2002', 'item-2003', 'item-2004'],
      ...['item-7000', 'item-7001'],
    ]);
    expect(stderr).toContain('… left out 1990 item(s)\n');
    const counted = Number(/… left out at least (\d+) item/.exec(stderr)?.[1]);
    expect(counted).toBeGreaterThan(2_000);
    expect(counted).toBeLessThan(4_995);
    expect(stderr).toContain(`Printed 17 item(s), left out at least ${1_990 + counted} item(s)\n`);
  });

  test('counts what it leaves out in lines of JSON too, and at its limit', async () => {
    await terminal.ok('create json');
    const { stdout } = await follow('tail json --sample 2 --json', [() => produce('json', 0, 7), nothing]);
    const lines = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines.slice(2)).toEqual([{ left_out: 5, or_more: false }]);
    const { stderr } = await follow('tail json --limit 1', [() => produce('json', 7, 10)]);
    expect(stderr).toContain('Printed 1 item(s), left out 2 item(s)\n');
  });

  test('makes one request a look and partition, of at most 16 partitions, by turns', async () => {
    await terminal.ok('create wide --partitions 20');
    const counts: number[] = [];
    const look = async () => void counts.push(calls);
    await follow('tail wide', [look, look, look]);
    expect(counts.map((each, n) => each - (counts[n - 1] ?? each))).toEqual([0, 16, 16]);
    const { payloads } = await follow('tail wide', [() => produce('wide', 0, 100), nothing]);
    expect(new Set(payloads).size).toBe(payloads.length);
    expect(payloads.length).toBeGreaterThan(0);
  });

  test('follows an item whose predecessors are gone, and one that returned', async () => {
    await terminal.ok('create fleeting');
    await produce('fleeting', 0, 2);
    const take = async () => {
      const { stdout } = await terminal.ok('lease fleeting -b 9 --jsonl');
      const ids = stdout
        .trimEnd()
        .split('\n')
        .map((each) => JSON.parse(each).id);
      await terminal.ok(`complete fleeting -p 0 ${ids.join(' ')}`);
    };
    const { payloads } = await follow('tail fleeting', [
      take,
      () => produce('fleeting', 2, 3),
      () => terminal.ok('lease fleeting'),
      () => terminal.ok('retry fleeting --yes'),
    ]);
    expect(payloads).toEqual(['item-2', 'item-2']);
  });

  test('prints JSON lines, and ends after --limit items', async () => {
    await terminal.ok('create counted');
    const { code, stdout, stderr } = await follow('tail counted --json --limit 3', [
      () => produce('counted', 0, 2),
      () => produce('counted', 2, 9),
    ]);
    expect(code).toBe(0);
    const lines = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines.map(({ payload }) => atob(payload))).toEqual(['item-0', 'item-1', 'item-2']);
    expect(lines[0]).toMatchObject({ partition: 0, id: expect.any(String), created_at: expect.any(String) });
    expect(stderr).toContain('Printed 3 item(s)');
  });

  test('keeps texts of clients in their line', async () => {
    await terminal.ok('create hostile');
    const argv = ['produce', 'hostile', '-p', 'a\n\u001b[2J\u202e', '--kind', 'k\nfake'];
    const { stdout } = await follow('tail hostile', [() => terminal.run(argv)]);
    expect(stdout.trimEnd().split('\n')).toHaveLength(1);
    expect(stdout).not.toMatch(/(?!\n)[\p{Cc}\p{Cf}]/u);
  });

  test.each([
    ['tail gone', 3],
    ['tail busy --interval 1ms', 2],
    ['tail busy --sample 0', 2],
    ['tail busy --limit x', 2],
  ])('%s is exit code %i', async (line, code) => {
    expect(await terminal.run(line.split(' '))).toMatchObject({ code });
  });
});

import { SystemClock, SystemRandom, silentLogger } from '@querator/core';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { compose } from '../../src/compose.ts';
import { parseConfig } from '../../src/index.ts';
import { Terminal } from './support/terminal.ts';

const STORAGES = ['a', 'b'].map((name) => ({ name, driver: 'memory' }));
const deps = { clock: new SystemClock(), random: new SystemRandom(), logger: silentLogger };
const server = compose(parseConfig(JSON.stringify({ 'partition-storage': STORAGES })), deps);
const terminal = new Terminal(async (url, init) => server.app.fetch(new Request(url, init), {}));
beforeAll(() => server.start());
afterAll(() => server.stop());

const ended = async (line: string) => {
  const { id } = JSON.parse((await terminal.ok(`${line} --json`)).stdout);
  return vi.waitFor(
    async () => {
      const task = JSON.parse((await terminal.ok(`task get ${id} --json`)).stdout);
      expect(task.state).toBe('done');
      return task;
    },
    { timeout: 20_000 },
  );
};

test('storages are balanced by a command, which shows before what would move', async () => {
  await terminal.ok('create mail --partitions 4');
  for (const partition of [2, 3]) await ended(`task move-partition mail ${partition} a`);
  const dry = await ended('task rebalance --dry-run');
  const { stdout } = await terminal.ok(`task get ${dry.id}`);
  expect(stdout.split('\n').filter((line) => /^mail +\d+ +a +b$/.test(line))).toHaveLength(2);
  expect(await ended('task rebalance --at-once 2 --rate 1000')).toMatchObject({ matched: 2, done: 2 });
  const { partitions } = JSON.parse((await terminal.ok('describe mail --json')).stdout);
  const names = partitions.map(({ storage_name }: { storage_name: string }) => storage_name).sort();
  expect(names).toEqual(['a', 'a', 'b', 'b']);
});

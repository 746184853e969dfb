import { expect, test } from 'vitest';
import { withServer } from './databases.ts';
import type { Fault } from './faults.ts';
import { postgresRun } from './postgres-run.ts';

test('an interrupted run returns its record, and leaves no server running', async () => {
  let url = '';
  const breaks: Fault = {
    name: 'break',
    strike: async ({ instances }) => {
      url = instances[0]?.url ?? '';
      throw new Error('nothing can be broken here');
    },
  };
  const history = await withServer((database) =>
    postgresRun(database, {
      ...{ seed: 1, origin: 'test', instances: 1, calmMs: 0, faults: 1, kinds: [breaks] },
    }),
  );
  expect(history).toMatchObject({ drained: false, disturbances: [{ what: 'break' }] });
  expect(history.brokenOff).toMatch(/nothing can be broken here/);
  expect(history.operations.some(({ call, outcome }) => call === 'produce' && outcome === 'ok')).toBe(true);
  expect(url).not.toBe('');
  await expect(fetch(`${url}/metrics`)).rejects.toThrow('fetch failed');
});

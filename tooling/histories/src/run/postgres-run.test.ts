import { expect, test } from 'vitest';
import { withServer } from './databases.ts';
import type { Fault } from './faults.ts';
import { postgresRun } from './postgres-run.ts';

test('a run that breaks off returns what was recorded, and leaves nothing behind', async () => {
  const breaks: Fault = {
    name: 'break',
    strike: async () => {
      throw new Error('nothing can be broken here');
    },
  };
  const history = await withServer((database) =>
    postgresRun(database, {
      ...{ seed: 1, origin: 'test', instances: 1, calmMs: 0, faults: 1, kinds: [breaks] },
    }),
  );
  expect(history.brokenOff).toContain('nothing can be broken here');
  expect(history.drained).toBe(false);
  expect(history.disturbances).toMatchObject([{ what: 'break' }]);
  expect(history.operations.some(({ call, outcome }) => call === 'produce' && outcome === 'ok')).toBe(true);
});

import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { judge } from '../judge.ts';
import { killInstance } from './faults.ts';
import { sqliteRun } from './sqlite-run.ts';

test('a server on a file of SQLite keeps the rules when it is killed', { timeout: 120_000 }, async () => {
  const history = await sqliteRun({ seed: 1, origin: 'sqlite test', calmMs: 0, faults: 1 }, [killInstance]);
  expect(history.disturbances.map(({ what }) => what)).toEqual(['kill an instance']);
  expect(history.operations.some(({ call, outcome }) => call === 'produce' && outcome === 'ok')).toBe(true);
  expect(judge(history, join(tmpdir(), 'histories-of-a-test')).rules).toEqual([]);
});

import { expect, test } from 'vitest';
import { inClone } from './support/clone.ts';
import { runExample } from './support/run-example.ts';

test('the example for Python works on its items, and gives up on the one that fails', async () => {
  const output = await runExample('python', ['python3', inClone('examples/python/worker.py')]);
  expect(output).toBe('4: 2.0\n9: 3.0\n-1: failed, attempt 1\n-1: failed, attempt 2\n');
});

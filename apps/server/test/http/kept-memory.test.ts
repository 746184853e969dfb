import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const program = fileURLToPath(new URL('support/kept-memory.ts', import.meta.url));

test('a waiting request keeps its fields in memory, not the body that they came in', async () => {
  const args = ['--conditions=@querator/source', '--expose-gc', program];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  const kept = Object.entries(JSON.parse(stdout) as Record<string, number>);
  expect(kept).toHaveLength(10);
  // The bodies have 900,000 bytes and more. A connection and its request take about 30,000.
  expect(kept.filter(([, bytes]) => bytes > 150_000)).toEqual([]);
});

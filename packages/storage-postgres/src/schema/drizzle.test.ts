import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { sql } from './drizzle.ts';

const ROOT = join(import.meta.dirname, '..');

test('only types come from the ES modules of Drizzle, which are slow to load', () => {
  const importing = globSync('**/*.ts', { cwd: ROOT }).filter((file) => {
    const text = readFileSync(join(ROOT, file), 'utf8');
    return /^(?:import|export)(?! type\b)[^;]*? from 'drizzle-orm/m.test(text);
  });
  expect(importing).toEqual([]);
  expect(sql`select 1`.queryChunks).toHaveLength(1);
});

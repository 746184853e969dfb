import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { MEMORY_VARIANTS } from './memory-variants.ts';
import { POSTGRES_VARIANTS } from './postgres-variants.ts';
import { tryOnMemory } from './try-variant.ts';
import { editedSources } from './variant.ts';

const folder = mkdtempSync(join(tmpdir(), 'querator-variants-'));
afterAll(() => rmSync(folder, { recursive: true }));

test.each([...MEMORY_VARIANTS, ...POSTGRES_VARIANTS])('fits the sources: $name', (variant) => {
  expect(editedSources(variant).size).toBeGreaterThan(0);
});

test('names are unique in each list', () => {
  for (const list of [MEMORY_VARIANTS, POSTGRES_VARIANTS]) {
    expect(new Set(list.map(({ name }) => name)).size).toBe(list.length);
  }
});

test('the engine as it is passes', async () => {
  const { rules, text } = await tryOnMemory(folder, 3);
  expect(rules, text).toEqual([]);
});

// Each is a process that mostly waits: several at a time take no longer than one.
test.concurrent.each(MEMORY_VARIANTS)('is caught: $name', async (variant) => {
  const { rules, runs } = await tryOnMemory(folder, variant.seeds, variant);
  expect(rules, `not caught by ${runs} seeds`).not.toEqual([]);
});

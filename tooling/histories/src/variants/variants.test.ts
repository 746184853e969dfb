import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { tryOnMemory } from './try-variant.ts';
import { STORAGES, sourcesOf, variantsOf } from './variant.ts';

const folder = mkdtempSync(join(tmpdir(), 'querator-variants-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe.each(STORAGES)('the variants on %s', (storage) => {
  const sources = sourcesOf(storage);
  const variants = variantsOf(storage);

  test.each(variants)('fits the sources: $name', (variant) => {
    expect(sources.mutated(variant).size).toBeGreaterThan(0);
  });

  test('names are unique in each list', () => {
    expect(new Set(variants.map(({ name }) => name)).size).toBe(variants.length);
  });
});

test('the check accepts the unchanged engine', async () => {
  const { rules, text } = await tryOnMemory(folder, 3);
  expect(rules, text).toEqual([]);
});

// Each runs in a process that mostly waits, so several at a time take no longer than one.
test.concurrent.each(variantsOf('memory'))('the check rejects: $name', async (variant) => {
  const { rules, runs } = await tryOnMemory(folder, variant.seeds, variant);
  expect(rules, `not caught by ${runs} seeds`).not.toEqual([]);
});

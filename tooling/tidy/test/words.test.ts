import { describe, expect, it } from 'vitest';
import { isGenerated, read, repositoryFiles } from './repository.ts';

/** Values of metric labels keep their first names, because dashboards select by them. */
const KEPT = new Set(['apps/server/src/observability/storage-metrics.ts']);

const sources = repositoryFiles().filter(
  (name) => /\.(ts|mjs)$/.test(name) && !isGenerated(name) && !KEPT.has(name),
);

/** The words of the last column of the glossary that are set as code: no source may use them. */
function retiredWords(): readonly string[] {
  const rows = read('docs/glossary.md').matchAll(/^\|.*\|([^|]*)\|$/gm);
  return [...rows].flatMap(([, avoid = '']) =>
    [...avoid.matchAll(/`([^`]+)`/g)].map(([, word = '']) => word),
  );
}

describe('sources', () => {
  it.each(retiredWords())('do not use the retired word %s', (word) => {
    const pattern = new RegExp(word, 'i');
    expect(sources.filter((name) => pattern.test(name) || pattern.test(read(name)))).toEqual([]);
  });
});

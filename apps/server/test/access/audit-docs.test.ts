import { readFileSync } from 'node:fs';
import { actionOf } from '@querator/core';
import { expect, test } from 'vitest';
import { ALL_ENDPOINTS } from '../support/all-endpoints.ts';

const PAGE = readFileSync(new URL('../../../../docs/audit.md', import.meta.url), 'utf8');

test('docs/audit.md names each audited call as events do', () => {
  const audited = ALL_ENDPOINTS.filter(({ audited }) => audited === 'settings' || audited === 'items');
  const missing = audited.map(({ path }) => actionOf(path)).filter((name) => !PAGE.includes(`\`${name}\``));
  expect(missing).toEqual([]);
  // Those of access are put in words, but for calls of later versions.
  const later = ALL_ENDPOINTS.filter(({ path, audited }) => audited === 'access' && !path.startsWith('/v1/'));
  expect(later.map(({ path }) => actionOf(path)).filter((name) => !PAGE.includes(`\`${name}\``))).toEqual([]);
});

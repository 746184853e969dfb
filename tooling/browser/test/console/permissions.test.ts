import { readFileSync } from 'node:fs';
import { PERMISSIONS } from '@querator/core';
import { expect, test } from 'vitest';

const file = new URL('../../../../apps/console/src/screens/access/permissions.ts', import.meta.url);

test('the page offers every permission that roles can have', () => {
  const offered = [...readFileSync(file, 'utf8').matchAll(/'([\w.]+)'/g)].map(([, name]) => name);
  expect(offered).toEqual([...PERMISSIONS]);
});

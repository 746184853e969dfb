import { expect, test } from 'vitest';
import { SharedResources } from './shared-resources.ts';

test('storages of one program share a resource by its class, and those of another do not', () => {
  class Pool {}
  class OtherPool {}
  const shared = new SharedResources();
  const pool = shared.of(Pool, () => new Pool());
  expect(shared.of(Pool, () => new Pool())).toBe(pool);
  expect(shared.of(OtherPool, () => new OtherPool())).not.toBe(pool);
  expect(new SharedResources().of(Pool, () => new Pool())).not.toBe(pool);
});

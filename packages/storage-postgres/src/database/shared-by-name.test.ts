import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { SharedByName } from './shared-by-name.ts';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

test('an object is shared while something uses it, and leaves nothing behind after that', async () => {
  const gone = new Set<string>();
  const shared = new SharedByName<object>({ gone: (name) => gone.add(name) });
  const kept = shared.of('kept', () => ({}));
  for (let n = 0; n < 1_000; n++) shared.of(`left ${n}`, () => ({}));
  await expect
    .poll(() => {
      collect();
      return shared.size;
    })
    .toBe(1);
  expect(gone.size).toBe(1_000);
  expect(shared.of('kept', () => ({}))).toBe(kept);
  expect(shared.known('left 1')).toBeUndefined();
});

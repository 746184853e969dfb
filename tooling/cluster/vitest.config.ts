import { base } from '@querator/tooling-vitest';
import { mergeConfig } from 'vitest/config';

/** Files in `test` start servers of their own and run in `pnpm test:cluster` only. */
export default mergeConfig(base, {
  test: { testTimeout: 240_000, hookTimeout: 240_000, fileParallelism: false },
});

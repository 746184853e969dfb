import { base } from '@querator/tooling-vitest';
import { mergeConfig } from 'vitest/config';

/** Files in `test` need the engine and the images of `pnpm test:containers`, and run there only. */
export default mergeConfig(base, {
  test: { testTimeout: 120_000, hookTimeout: 240_000, fileParallelism: false },
});

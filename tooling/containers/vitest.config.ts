import { base } from '@querator/tooling-vitest';
import { mergeConfig } from 'vitest/config';

/** Files in `test` need the engine and the images of `npm run test:containers`, and only run there. */
export default mergeConfig(base, {
  test: { testTimeout: 120_000, hookTimeout: 240_000, fileParallelism: false },
});

import { base } from '@querator/tooling-vitest';
import { mergeConfig } from 'vitest/config';

/** Files in `test` start their own servers and only run in `npm run test:cluster`. */
export default mergeConfig(base, {
  test: { testTimeout: 240_000, hookTimeout: 240_000, fileParallelism: false },
});

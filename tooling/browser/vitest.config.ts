import { base } from '@querator/tooling-vitest';
import { mergeConfig } from 'vitest/config';

/** Files in `test` need the browser of `npm run test:browser`, and only run there. */
export default mergeConfig(base, {
  // A page that waits for its server leaves the processors to another one.
  test: { testTimeout: 60_000, hookTimeout: 120_000, maxWorkers: 2 },
});

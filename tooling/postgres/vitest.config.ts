import { base } from '@querator/tooling-vitest';
import { mergeConfig } from 'vitest/config';

export default mergeConfig(base, {
  // A first start runs initdb, which takes seconds on a machine that does other things too.
  test: { globalSetup: ['./src/vitest-setup.ts'], testTimeout: 60_000, hookTimeout: 60_000 },
});

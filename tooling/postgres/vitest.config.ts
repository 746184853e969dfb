import { base } from '@querator/tooling-vitest';
import { mergeConfig } from 'vitest/config';

export default mergeConfig(base, {
  // The first start runs initdb, which takes seconds on a busy machine.
  test: { globalSetup: ['./src/vitest-setup.ts'], testTimeout: 60_000, hookTimeout: 60_000 },
});

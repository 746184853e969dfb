import { base } from '@querator/tooling-vitest';
import { mergeConfig } from 'vitest/config';

/** Files in `test` need the browser of `npm run test:browser`, and only run there. */
export default mergeConfig(base, { test: { testTimeout: 60_000, hookTimeout: 120_000 } });

import { base } from '@querator/tooling-vitest';
import { mergeConfig } from 'vitest/config';

/** Files in `test` need the programs that `npm run test:clients` installs, and only run there. */
export default mergeConfig(base, { test: { testTimeout: 600_000, hookTimeout: 600_000 } });

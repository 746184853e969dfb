import { base } from '@querator/tooling-vitest';
import { mergeConfig } from 'vitest/config';

// Each test starts processes, some of them databases.
export default mergeConfig(base, { test: { testTimeout: 60_000, hookTimeout: 60_000 } });

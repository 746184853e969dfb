import { base } from '@querator/tooling-vitest';
import { mergeConfig } from 'vitest/config';

export default mergeConfig(base, { test: { testTimeout: 120_000, hookTimeout: 120_000, maxConcurrency: 4 } });

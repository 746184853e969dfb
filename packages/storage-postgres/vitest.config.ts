import { unisolated } from '@querator/tooling-vitest';
import { mergeConfig } from 'vitest/config';

/** The tests run against one real PostgreSQL, started for the run. */
export default mergeConfig(unisolated, {
  test: { globalSetup: ['@querator/tooling-postgres/vitest-setup'], hookTimeout: 60_000 },
});

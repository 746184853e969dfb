import { base } from '@querator/tooling-vitest';
import { configDefaults, mergeConfig } from 'vitest/config';

/** Needs an older version of ours; `pnpm test:cluster` fetches one and says where it is. */
const upgrade = process.env['QUERATOR_OLDER_MAIN'] === undefined ? ['test/upgrade/**'] : [];

export default mergeConfig(base, {
  test: {
    exclude: [...configDefaults.exclude, ...upgrade],
    globalSetup: ['@querator/tooling-postgres/vitest-setup'],
  },
});

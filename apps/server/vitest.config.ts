import { base } from '@querator/tooling-vitest';
import { mergeConfig } from 'vitest/config';

export default mergeConfig(base, {
  test: { globalSetup: ['@querator/tooling-postgres/vitest-setup'] },
});

import { unisolated } from '@querator/tooling-vitest';
import { configDefaults, mergeConfig } from 'vitest/config';

/** What takes minutes, or an older version of ours, and the variable by which `pnpm test:cluster` asks for it. */
const LONG = [
  { tests: 'test/upgrade/**', variable: 'QUERATOR_OLDER_MAIN' },
  { tests: 'test/instances/idle-cost.test.ts', variable: 'QUERATOR_IDLE_QUEUES' },
];
const notAskedFor = LONG.filter(({ variable }) => process.env[variable] === undefined);

export default mergeConfig(unisolated, {
  test: {
    // Many of its tests wait for processes that start, stop or are killed. It is the longest package, and ends alone.
    maxWorkers: 2,
    exclude: [...configDefaults.exclude, ...notAskedFor.map(({ tests }) => tests)],
    globalSetup: ['@querator/tooling-postgres/vitest-setup'],
  },
});

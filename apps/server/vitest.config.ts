import { unisolated } from '@querator/tooling-vitest';
import { configDefaults, mergeConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** What takes minutes, or an older version of ours, and the variable by which `pnpm test:cluster` asks for it. */
const LONG = [
  { tests: 'test/upgrade/**', variable: 'QUERATOR_OLDER_MAIN' },
  { tests: 'test/instances/idle-cost.test.ts', variable: 'QUERATOR_IDLE_QUEUES' },
];
const notAskedFor = LONG.filter(({ variable }) => process.env[variable] === undefined);

/** The longest files of `npm test`. They begin first, so that none of them runs alone at the end. */
const FIRST = [
  'test/instances/keyed-resize.test.ts',
  'test/model/postgres.test.ts',
  'test/workers/workers.test.ts',
  'test/config/start.test.ts',
  'test/faults/outages.test.ts',
];

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification) => {
      const place = FIRST.findIndex((name) => moduleId.endsWith(name));
      return place === -1 ? FIRST.length : place;
    };
    return (await super.sort(files)).toSorted((a, b) => rank(a) - rank(b));
  }
}

export default mergeConfig(unisolated, {
  test: {
    // Many of its tests wait for processes that start, stop or are killed. It is the longest package, and ends alone.
    maxWorkers: 3,
    sequence: { sequencer: LongestFirst },
    exclude: [...configDefaults.exclude, ...notAskedFor.map(({ tests }) => tests)],
    globalSetup: ['@querator/tooling-postgres/vitest-setup'],
  },
});

import { defineConfig } from 'vitest/config';

/** For `test:watch` and editors: every package's tests in one Vitest. `npm test` runs them through turbo. */
export default defineConfig({
  test: {
    projects: [
      'packages/*',
      'apps/*',
      'examples/*',
      'tooling/{bench,load,mutants,postgres,reference,start,tidy}',
    ],
  },
});

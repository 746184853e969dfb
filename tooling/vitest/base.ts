import { defineConfig, type ViteUserConfig } from 'vitest/config';

/**
 * The settings every package's tests run under. Workspace packages are taken
 * from their sources, so that a test never sees a stale build.
 */
export const base: ViteUserConfig = defineConfig({
  resolve: { conditions: ['@querator/source'] },
  ssr: { resolve: { conditions: ['@querator/source'] } },
  test: {
    // What hangs is given up; what is slow because the machine has other work is not.
    testTimeout: 30_000,
    hookTimeout: 30_000,
    include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
    reporters: ['default', ['json', { outputFile: './test-results/report.json' }]],
  },
});

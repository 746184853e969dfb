import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { defineConfig, mergeConfig, type ViteUserConfig } from 'vitest/config';

const root = fileURLToPath(new URL('../..', import.meta.url));
// Tests start some hundred programs from our sources. Node compiles each module once, and not in each of them.
process.env['NODE_COMPILE_CACHE'] ??= join(root, 'node_modules/.cache/node-compile');

/**
 * The test settings of every package. Vitest resolves workspace packages to
 * their sources, so a test never uses a stale build.
 */
export const base: ViteUserConfig = defineConfig({
  resolve: { conditions: ['@querator/source'] },
  ssr: { resolve: { conditions: ['@querator/source'] } },
  test: {
    // Long enough for a machine with other work, short enough to end a test that hangs.
    testTimeout: 30_000,
    hookTimeout: 30_000,
    include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
    reporters: ['default', ['json', { outputFile: './test-results/report.json' }]],
  },
});

/**
 * The same for packages whose tests share no state of modules, of the process and of its environment. All files of a
 * worker run in one process, which evaluates each module once: that is half of the time of short tests.
 */
export const unisolated: ViteUserConfig = mergeConfig(base, { test: { isolate: false } });

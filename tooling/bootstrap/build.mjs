import { join } from 'node:path';
import { bin, root } from './clone.mjs';
import { runStep, say } from './step.mjs';

/** A build from the cache takes less time, and prints no line. */
const WORTH_A_LINE_MS = 1000;

/** Builds the server and its dependencies. turbo skips unchanged packages. */
export async function build(env) {
  const announcement = setTimeout(() => say('Building the server.'), WORTH_A_LINE_MS);
  try {
    const quiet = ['--output-logs=errors-only', '--log-order=grouped', '--no-color'];
    await runStep(join(bin, 'turbo'), ['run', 'build', '--filter=@querator/server', ...quiet], {
      env: {
        ...env,
        TURBO_TELEMETRY_DISABLED: '1',
        TURBO_NO_UPDATE_NOTIFIER: '1',
        // pnpm would install the rest of the clone before it runs a script.
        pnpm_config_verify_deps_before_run: 'false',
      },
      cwd: root,
      advice: 'The server could not be built.',
    });
  } finally {
    clearTimeout(announcement);
  }
}

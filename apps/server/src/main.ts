#!/usr/bin/env node
import process from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';

// While modules load nearly every object survives its first garbage collection, and V8 concludes that objects made at
// some places in the code always do. From then on a part of each request outlived it until the next full collection,
// which cost a third of the time that a small request takes. So it must not draw that conclusion, from the start.
setFlagsFromString('--no-allocation-site-pretenuring');
// After a while of little work V8 lets its heap grow slowly. With the work coming back, what requests bring from outside
// of that heap then called for one full collection after the other, which cost a third of the time as well. Four times
// what lives is as far as V8 itself lets a small heap grow.
setFlagsFromString('--heap-growing-percent=300');
const { systemMonotonicClock } = await import('./monotonic-clock.ts');
const { runCli } = await import('./cli/run-cli.ts');

/** The one place that touches the process; `server` alone looks after signals itself. */
process.exitCode = await runCli(process.argv.slice(2), {
  // Opened only when read: it may be closed.
  get stdin() {
    return process.stdin;
  },
  stdout: process.stdout,
  stderr: process.stderr,
  isTerminal: process.stderr.isTTY === true,
  env: process.env,
  interrupted: onInterrupt,
  monotonicClock: systemMonotonicClock,
  sleep: (delayMs, signal) => delay(delayMs, undefined, { signal }).catch(() => {}),
  // Loaded only when needed: all other commands start faster without the server.
  runServer: async (options) => (await import('./run-server.ts')).runServer(options),
});

/** The first Ctrl-C asks for an orderly end, the second one does not ask. */
function onInterrupt(): AbortSignal {
  const controller = new AbortController();
  process.on('SIGINT', () => {
    if (controller.signal.aborted) process.exit(130);
    controller.abort();
  });
  return controller.signal;
}

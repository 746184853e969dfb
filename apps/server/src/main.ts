#!/usr/bin/env node
import process from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import type { EndSignal } from './cli/io.ts';

// While modules load, nearly every object survives its first garbage collection. V8 concludes from this that objects
// from the same places in the code always survive, and allocates them as old. Parts of each request then stay until the
// next full collection, which takes a third of the time of a small request. So V8 must not pretenure from the start.
setFlagsFromString('--no-allocation-site-pretenuring');
// After a quiet time V8 lets its heap grow slowly. When load returns, the external memory of requests then triggers
// back-to-back full collections, which also take a third of the time of a small request. A growth of 300 % is the most
// that V8 itself allows a small heap.
setFlagsFromString('--heap-growing-percent=300');
// V8 compiles a function with all optimizations once it was called 3,000 times, and its inputs have not changed for 500
// calls. A server with few callers takes minutes to get there, and its calls cost twice as much until then.
setFlagsFromString('--invocation-count-for-turbofan=500');
setFlagsFromString('--minimum-invocations-after-ic-update=100');

// A server reloads at SIGHUP, all other commands end. Until the arguments are read, this may be either.
let hungUp = false;
let endsAtHangUp = false;
process.on('SIGHUP', onHangUp);

const { systemMonotonicClock } = await import('./monotonic-clock.ts');
const { runCli } = await import('./cli/run-cli.ts');

/** The only file that touches the process, except that the command `server` handles signals itself. */
process.exitCode = await runCli(process.argv.slice(2), {
  // A getter, because standard input may be closed and is opened by the first read.
  get stdin() {
    return process.stdin;
  },
  stdout: process.stdout,
  stderr: process.stderr,
  isTerminal: process.stderr.isTTY === true,
  env: process.env,
  interrupted: onInterrupt,
  beforeEnd,
  monotonicClock: systemMonotonicClock,
  sleep: (delayMs, signal) => delay(delayMs, undefined, { signal }).catch(() => {}),
  begins: (command) => {
    endsAtHangUp = command !== 'server';
    if (hungUp) onHangUp();
  },
  // Loaded on demand: all other commands start faster without the server.
  runServer: async (options) => {
    const { runServer } = await import('./run-server.ts');
    return runServer(options, { hungUp });
  },
});

function onHangUp(): void {
  hungUp = true;
  if (!endsAtHangUp) return;
  // Without a handler the signal ends the process.
  process.off('SIGHUP', onHangUp);
  process.kill(process.pid, 'SIGHUP');
}

/** The first Ctrl-C aborts the signal, the second one ends the process at once. */
function beforeEnd(signals: readonly EndSignal[], cleanUp: () => void): () => void {
  const forget = () => {
    for (const signal of signals) process.off(signal, end);
  };
  const end = (signal: NodeJS.Signals) => {
    forget();
    cleanUp();
    // Without a handler the signal ends the process.
    process.kill(process.pid, signal);
  };
  for (const signal of signals) process.on(signal, end);
  return forget;
}

function onInterrupt(): AbortSignal {
  const controller = new AbortController();
  process.on('SIGINT', () => {
    if (controller.signal.aborted) process.exit(130);
    controller.abort();
  });
  return controller.signal;
}

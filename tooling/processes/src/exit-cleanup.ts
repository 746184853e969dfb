import process from 'node:process';

type Cleanup = () => void;

/** Runs when this process ends, in the order of the calls of `atExit`. */
const pending = new Set<Cleanup>();

function runAll(): void {
  for (const cleanup of pending) {
    try {
      cleanup();
    } catch {
      // The process is ending; the other clean-ups still have to run.
    }
  }
  pending.clear();
}

function onSignal(name: NodeJS.Signals): void {
  // Another listener handles the signal and ends the process; the exit runs the clean-ups.
  if (process.listenerCount(name) > 1) return;
  runAll();
  removeListeners();
  process.kill(process.pid, name);
}

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

function removeListeners(): void {
  process.off('exit', runAll);
  for (const name of signals) process.off(name, onSignal);
}

/** Runs `cleanup`, which must be synchronous, when this process ends. @returns a function that cancels it. */
export function atExit(cleanup: Cleanup): () => void {
  if (pending.size === 0) {
    process.on('exit', runAll);
    for (const name of signals) process.on(name, onSignal);
  }
  pending.add(cleanup);
  return () => {
    pending.delete(cleanup);
    if (pending.size === 0) removeListeners();
  };
}

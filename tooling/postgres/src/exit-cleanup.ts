import process from 'node:process';
import { signal } from './process-table.ts';

type Cleanup = () => void;

/** What is left to do when this process ends without having stopped its clusters. */
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
  // Someone else handles the signal and will end the process: its exit runs the rest.
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

/** Runs `cleanup`, which must be synchronous, when this process ends. Returns the way to call it off. */
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

/** Tells PostgreSQL to shut down when this process ends without having done so. */
export function stopAtExit(pid: () => number): () => void {
  return atExit(() => signal(pid(), 'SIGINT'));
}

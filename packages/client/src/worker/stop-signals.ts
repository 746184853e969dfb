import process from 'node:process';

/** A signal of the operating system, such as `SIGTERM`. */
export type StopSignal = NodeJS.Signals;

/**
 * Calls `onSignal` for each of these signals.
 *
 * @returns ends that. If a signal was received and nobody else listens to it, it is
 *   sent again, so that the process ends as it would have without a listener.
 */
export function listenToStopSignals(signals: readonly StopSignal[], onSignal: () => void): () => void {
  let received: StopSignal | undefined;
  const listener = (signal: StopSignal) => {
    received = signal;
    onSignal();
  };
  for (const signal of signals) process.on(signal, listener);
  return () => {
    for (const signal of signals) process.off(signal, listener);
    if (received !== undefined && process.listenerCount(received) === 0) process.kill(process.pid, received);
  };
}

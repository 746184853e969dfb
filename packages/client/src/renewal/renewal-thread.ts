// The program of a worker thread: renews leases while the main thread is busy.
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import type { CancelTimer, Clock, Instant } from '@querator/core';
import type { ThreadStart, ToThread } from '../thread/thread-messages.ts';
import { LeaseWatch } from './lease-watch.ts';

/** That of the other packages would load all of them. */
const clock: Clock = {
  // biome-ignore lint/style/noRestrictedGlobals: an outermost file, as the main file of a program is.
  now: () => (BigInt(Date.now()) * 1_000n) as Instant,
  startTimer(delayMs: number, callback: () => void): CancelTimer {
    // biome-ignore lint/style/noRestrictedGlobals: the same.
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  },
};

const start = workerData as ThreadStart;
const port = start.port as MessagePort;
const watch = new LeaseWatch({ clock, onDue: () => void load() });
const hear = (message: ToThread) => watch.hear(message);
port.on('message', hear);

/** Loads what renews, which then takes the messages. If that fails, the thread ends. */
async function load(): Promise<void> {
  const { renewLeases } = await import('./renewal-program.ts');
  port.off('message', hear);
  renewLeases(start, watch.heard());
  parentPort?.postMessage('ready');
}

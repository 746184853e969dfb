import process from 'node:process';
import type { Step } from './closed-loop.ts';
import { outcomeOf } from './closed-loop.ts';
import type { Outcome } from './work.ts';

/**
 * The number of requests that are due after a time at a steady rate. They are due
 * at whole milliseconds, the resolution of timers.
 */
export function dueAfter(milliseconds: number, requestsPerSecond: number): number {
  return Math.floor((Math.floor(milliseconds) * requestsPerSecond) / 1_000);
}

/**
 * Sends requests at a steady rate like independent clients, whether or not earlier
 * ones are answered. A request without a free client waits here. Latency counts
 * from the time that a request was due: a server that stops for a second delays
 * all requests of that second.
 */
export async function openLoop(
  steps: readonly Step[],
  { seconds, requestsPerSecond }: { readonly seconds: number; readonly requestsPerSecond: number },
): Promise<Outcome> {
  const total = dueAfter(seconds * 1_000, requestsPerSecond);
  const free = [...steps];
  const latencies: number[] = [];
  const underWay = new Set<Promise<void>>();
  const cpu = process.cpuUsage();
  const started = performance.now();
  let items = 0;
  let sent = 0;
  let failed: unknown;

  /** The time of the n-th request: the first whole millisecond at which n requests are due. */
  const dueAt = (n: number) => started + Math.ceil((n * 1_000) / requestsPerSecond);
  const send = (step: Step, due: number) => {
    const answer = step()
      .then((moved) => {
        items += moved;
        latencies.push(performance.now() - due);
        free.push(step);
        sendDue();
      })
      .catch((error: unknown) => {
        failed ??= error;
      })
      .finally(() => underWay.delete(answer));
    underWay.add(answer);
  };
  const sendDue = () => {
    const due = Math.min(total, dueAfter(performance.now() - started, requestsPerSecond));
    while (sent < due && failed === undefined) {
      const step = free.shift();
      if (step === undefined) return;
      sent++;
      send(step, dueAt(sent));
    }
  };
  while (sent < total && failed === undefined) {
    await new Promise((resolve) => setTimeout(resolve, 1));
    sendDue();
  }
  while (underWay.size > 0) await Promise.all(underWay);
  if (failed !== undefined) throw failed;
  return outcomeOf({ items, latencies, seconds: (performance.now() - started) / 1_000, cpu });
}

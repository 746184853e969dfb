import process from 'node:process';
import { outcomeOf } from './closed-loop.ts';
import type { Held, Outcome, Target, Work } from './work.ts';

/** Producers pause when this many batches per consumer wait: the consumers set the pace. */
const BATCHES_AHEAD = 1;

/**
 * Runs producers and consumers at once. Consumers lease, wait for items and
 * complete them. Producers never get far ahead, so that the queue stays short and
 * consumers wait. Only completed items count; a latency is that of a lease with
 * its complete.
 */
export async function runMix<H extends Held>(target: Target<H>, work: Work): Promise<Outcome> {
  const { batch, clients: consumers, seconds } = work;
  const producers = Math.max(1, Math.floor(consumers / 2));
  const mostAhead = BATCHES_AHEAD * batch * consumers;
  const latencies: number[] = [];
  const paused: (() => void)[] = [];
  let completed = 0;
  let ahead = 0;
  const cpu = process.cpuUsage();
  const started = performance.now();
  const end = started + seconds * 1_000;
  const isOver = () => performance.now() >= end;

  const produce = async (client: number) => {
    while (!isOver()) {
      if (ahead >= mostAhead) {
        await new Promise<void>((resolve) => paused.push(resolve));
        continue;
      }
      ahead += batch;
      await target.produce(client);
    }
  };
  const consume = async (client: number) => {
    while (!isOver()) {
      const asked = performance.now();
      const held = await target.lease(client);
      if (held === undefined) continue;
      ahead -= held.count;
      for (const resume of paused.splice(0)) resume();
      await target.complete(client, held);
      const done = performance.now();
      if (done > end) break;
      completed += held.count;
      latencies.push(done - asked);
    }
    for (const resume of paused.splice(0)) resume();
  };
  await Promise.all([
    ...Array.from({ length: consumers }, (_, client) => consume(client)),
    ...Array.from({ length: producers }, (_, client) => produce(consumers + client)),
  ]);
  return outcomeOf({ items: completed, latencies, seconds, cpu });
}

/** The number of clients that some work needs. */
export function clientsIn({ operation, clients }: Work): number {
  return operation === 'mix' ? clients + Math.max(1, Math.floor(clients / 2)) : clients;
}

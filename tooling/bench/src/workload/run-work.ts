import { closedLoop, type Step } from './closed-loop.ts';
import { runMix } from './mix.ts';
import { openLoop } from './open-loop.ts';
import type { Held, Outcome, Target, Work } from './work.ts';

const LEASE_TRIES = 100;

/** Runs some work on any target in the same way. */
export function runWork<H extends Held>(target: Target<H>, work: Work): Promise<Outcome> {
  if (work.operation === 'mix') return runMix(target, work);
  const newStep = stepOf(target, work);
  const steps = Array.from({ length: work.clients }, (_, client) => newStep(client));
  const { seconds, requestsPerSecond } = work;
  if (requestsPerSecond === undefined) return closedLoop(steps, seconds);
  return openLoop(steps, { seconds, requestsPerSecond });
}

function stepOf<H extends Held>(target: Target<H>, work: Work): (client: number) => Step {
  switch (work.operation) {
    case 'produce':
      return produceStep(target, work);
    case 'lease':
      return leaseStep(target, work);
    case 'complete':
      return completeStep(target, work);
    case 'cycle':
      return (client) => async () => {
        await target.produce(client);
        const held = await leaseOwnShare(target, client);
        await target.complete(client, held);
        return held.count;
      };
    case 'bare':
      return (client) => async () => {
        await target.bare(client);
        return 1;
      };
    case 'mix':
      throw new Error('a mix has no single step');
  }
}

/**
 * Leases after the client's own produce, so that there is a batch for every
 * client. A lease may still be empty while others take theirs.
 */
async function leaseOwnShare<H extends Held>(target: Target<H>, client: number): Promise<H> {
  for (let tries = 0; tries < LEASE_TRIES; tries++) {
    const held = await target.lease(client);
    if (held !== undefined) return held;
  }
  throw new Error('nothing to lease after a produce');
}

function produceStep<H extends Held>(target: Target<H>, { batch, items = Number.POSITIVE_INFINITY }: Work) {
  let left = items;
  return (client: number) => async () => {
    if (left < batch) return 0;
    left -= batch;
    await target.produce(client);
    return batch;
  };
}

function leaseStep<H extends Held>(target: Target<H>, { batch, waiting = 0 }: Work) {
  let unasked = waiting;
  return (client: number) => async () => {
    if (unasked < batch) return 0;
    unasked -= batch;
    const held = await target.lease(client);
    if (held === undefined) throw new Error('nothing came although items wait');
    unasked += batch - held.count;
    return held.count;
  };
}

/** The requests are prepared before the measurement. */
function completeStep<H extends Held>(target: Target<H>, { batch, leased = [] }: Work) {
  const held: H[] = [];
  for (const [partition, ids] of leased.entries()) {
    for (let at = 0; at + batch <= ids.length; at += batch) {
      held.push(target.hold(partition, ids.slice(at, at + batch)));
    }
  }
  // The oldest items first, as consumers would.
  held.reverse();
  return (client: number) => async () => {
    const next = held.pop();
    if (next === undefined) return 0;
    await target.complete(client, next);
    return next.count;
  };
}

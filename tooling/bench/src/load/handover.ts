import { setTimeout as delay } from 'node:timers/promises';
import { median } from '../workload/percentile.ts';
import { HttpTarget } from './http-target.ts';

/** A queue with a waiting consumer, on a server at rest. */
export interface HandoverOrder {
  readonly port: number;
  /** Where a route that does nothing is served. */
  readonly emptyPort: number;
  readonly queue: string;
  readonly payloadBytes: number;
  readonly rounds: number;
}

/** Medians over all rounds, in milliseconds. */
export interface Handover {
  /** From a produce's acknowledgement to the item's arrival; negative where the item came first. */
  readonly acknowledgedToItemMs: number;
  /** From sending the produce to the item's arrival. */
  readonly sentToItemMs: number;
  /** From sending the produce to its acknowledgement. */
  readonly acknowledgeMs: number;
  /** A bare request and its answer. */
  readonly roundTripMs: number;
}

/** Long enough for the lease to have arrived, and for everybody to have come to rest. */
const REST_MS = 12;
const CONSUMER = 0;
const PRODUCER = 1;

/**
 * One item at a time to a consumer that waits, on a system that is idle, with
 * a bare request to an empty route after each, so that both meet the same
 * machine.
 */
export async function measureHandover(order: HandoverOrder): Promise<Handover> {
  const { port, queue, payloadBytes } = order;
  const options = { queue, payloadBytes, batch: 1, clients: 2, format: 'protobuf' } as const;
  const target = await HttpTarget.open({ ...options, port });
  const empty = await HttpTarget.open({ ...options, port: order.emptyPort });
  const acknowledgedToItem: number[] = [];
  const sentToItem: number[] = [];
  const acknowledge: number[] = [];
  const roundTrips: number[] = [];
  try {
    for (let round = 0; round < order.rounds; round++) {
      let arrived = 0;
      const waiting = target.lease(CONSUMER).then((held) => {
        arrived = performance.now();
        return held;
      });
      await delay(REST_MS);
      const sent = performance.now();
      await target.produce(PRODUCER);
      const acknowledged = performance.now();
      const held = await waiting;
      if (held === undefined) throw new Error('the waiting consumer got nothing');
      acknowledgedToItem.push(arrived - acknowledged);
      sentToItem.push(arrived - sent);
      acknowledge.push(acknowledged - sent);
      await target.complete(CONSUMER, held);
      await delay(REST_MS);
      const asked = performance.now();
      await empty.bare(PRODUCER);
      roundTrips.push(performance.now() - asked);
    }
  } finally {
    target.close();
    empty.close();
  }
  return {
    acknowledgedToItemMs: median(acknowledgedToItem),
    sentToItemMs: median(sentToItem),
    acknowledgeMs: median(acknowledge),
    roundTripMs: median(roundTrips),
  };
}

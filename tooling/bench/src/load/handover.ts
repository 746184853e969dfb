import { setTimeout as delay } from 'node:timers/promises';
import { median } from '../workload/percentile.ts';
import { HttpTarget } from './http-target.ts';

/** A queue with a waiting consumer on an idle server. */
export interface HandoverOrder {
  readonly port: number;
  /** The port of a server whose route does nothing. */
  readonly emptyPort: number;
  readonly queue: string;
  readonly payloadBytes: number;
  readonly rounds: number;
}

/** Medians over all rounds, in milliseconds. */
export interface Handover {
  /** From the acknowledgement of the produce to the item's arrival. Negative when the item came first. */
  readonly acknowledgedToItemMs: number;
  /** From sending the produce to the item's arrival. */
  readonly sentToItemMs: number;
  /** From sending the produce to its acknowledgement. */
  readonly acknowledgeMs: number;
  /** A bare request and its reply. */
  readonly roundTripMs: number;
}

/** Long enough for the lease to arrive and for the system to be idle again. */
const REST_MS = 12;
const CONSUMER = 0;
const PRODUCER = 1;

/**
 * Sends one item at a time to a waiting consumer on an idle system. A bare request
 * to an empty route follows each, so that both run on the same machine state.
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

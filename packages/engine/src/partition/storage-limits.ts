import { MESSAGES, QueueError } from '@querator/core';
import { FairGate } from '../waiting/fair-semaphore.ts';

/**
 * How many calls of a kind may be under way on one storage, over all queues. A
 * queue may have 1,024 partitions and its storage ten connections: one call for
 * each partition at once would leave none for the requests of other queues.
 * Each kind has a gate of its own, so that slow counts hold up no sweep.
 */
const LIMITS = { probe: 2, count: 2, sweep: 3, drop: 3 } as const;

type Kind = keyof typeof LIMITS;

/** Makes calls that concern a whole partition, when it is the queue's turn. */
export type Turns = {
  readonly [kind in Kind]: <T>(call: () => Promise<T>) => Promise<T>;
} & {
  /** The calls that have not begun fail with QueueError `failed`. */
  readonly leave: () => void;
};

/** The gates of one storage. */
export class StorageGates {
  readonly #gates: Readonly<Record<Kind, FairGate>> = {
    probe: new FairGate(LIMITS.probe),
    count: new FairGate(LIMITS.count),
    sweep: new FairGate(LIMITS.sweep),
    drop: new FairGate(LIMITS.drop),
  };

  /** The turns of one more queue. */
  turns(): Turns {
    const gates = this.#gates;
    const who = {};
    return {
      probe: (call) => gates.probe.run(who, call),
      count: (call) => gates.count.run(who, call),
      sweep: (call) => gates.sweep.run(who, call),
      drop: (call) => gates.drop.run(who, call),
      leave: () => {
        const error = new QueueError('failed', MESSAGES.queueShutdown);
        for (const gate of Object.values(gates)) gate.leave(who, error);
      },
    };
  }
}

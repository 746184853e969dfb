import type { Command } from './command.ts';

/** A sequence that once found a fault in a driver, as shrunk by the model test. */
export interface PastFailure {
  /** The fault. */
  readonly title: string;
  readonly sequence: readonly Command[];
}

const IMPORTED = { leaseFor: undefined, enqueueIn: undefined, expireIn: undefined, attempts: 0 };
const SWEEP = { do: 'sweep', limit: 1, maxAttempts: 0, dead: 'move', claimFor: 500 } as const;

/** Sequences that found faults, some of them planted. Every driver is tested with each. */
export const PAST_FAILURES: readonly PastFailure[] = [
  {
    title: 'the source id was lost when a scheduled item was enqueued',
    sequence: [
      { do: 'import', items: [{ ...IMPORTED, sourceId: 's2', enqueueIn: 1 }] },
      { do: 'advance', by: 2_000 },
      SWEEP,
    ],
  },
  {
    title: 'the source id was lost when a lease ran out',
    sequence: [
      { do: 'import', items: [{ ...IMPORTED, sourceId: 's1', leaseFor: 1 }] },
      { do: 'advance', by: 2_000 },
      SWEEP,
      { do: 'import', items: [{ ...IMPORTED, sourceId: 's1' }] },
    ],
  },
  {
    title: 'a lease ended with the life of the item',
    sequence: [
      { do: 'produce', requests: [[{ enqueueIn: undefined }]], expireIn: 1_000 },
      { do: 'lease', limit: 1, leaseFor: 10_000 },
      { do: 'advance', by: 2_000 },
      SWEEP,
    ],
  },
  {
    title: 'items due at the same time were enqueued in the wrong order',
    sequence: [
      { do: 'produce', requests: [[{ enqueueIn: 101 }, { enqueueIn: 101 }]], expireIn: 1_000 },
      { do: 'advance', by: 500 },
      SWEEP,
    ],
  },
  {
    title: 'a sweep undid the mark of an item that was moved',
    sequence: [
      { do: 'produce', requests: [[{ enqueueIn: undefined }]], expireIn: 60_000 },
      { do: 'lease', limit: 1, leaseFor: 1_000 },
      {
        do: 'retry',
        requests: [[{ id: { of: 'leased', n: 0 }, retryIn: undefined, dead: true }]],
        maxAttempts: 0,
        dead: 'move',
      },
      { do: 'markMoved', ids: [{ of: 'moving', n: 0 }] },
      SWEEP,
      { do: 'advance', by: 2_000 },
      SWEEP,
    ],
  },
];

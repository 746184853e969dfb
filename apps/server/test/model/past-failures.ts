import type { Command } from './command.ts';

/** A shrunk sequence that once found a fault. */
export interface PastFailure {
  /** The fault. */
  readonly title: string;
  readonly partitions: number;
  readonly sequence: readonly Command[];
}

/** Faults of the past. They run before random sequences. */
export const PAST_FAILURES: readonly PastFailure[] = [
  {
    title: 'a consumer that left before its request was processed ended the process',
    partitions: 1,
    sequence: [{ do: 'lease', queue: 'jobs', size: 1, wait: 990, leaveAfter: 0 }],
  },
  {
    title: 'an item that was given back after its time was not taken for dead',
    partitions: 1,
    sequence: [
      {
        do: 'import',
        queue: 'jobs',
        partition: 0,
        items: [{ source: null, leaseFor: 50, enqueueIn: null, expireIn: -15, attempts: 0 }],
      },
      {
        do: 'retry',
        queue: 'jobs',
        requests: [[{ id: { of: 'leased', n: 0 }, in: null, dead: false }]],
      },
    ],
  },
];

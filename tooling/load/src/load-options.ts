import type { Answer } from '@querator/tooling-processes';

/** A server that a load calls. */
export interface LoadedServer {
  /** Makes a call of the HTTP API. Undefined: there was no reply. */
  post(call: string, body: object): Promise<Answer | undefined>;
}

/** What a consumer does with an item instead of completing it. `abandon` lets its lease end. */
export type Setback = 'retry' | 'later' | 'dead' | 'abandon';

/** A queue of the load. */
export interface LoadedQueue {
  readonly name: string;
  /** How `createQueues` creates it. */
  readonly settings?: object;
  /** An item dies at a retry in this attempt. Undefined: in none. */
  readonly maxAttempts?: number;
  /** The most items of a produce. 0: no producers, as for a dead-letter queue. */
  readonly produce: number;
  /** The most items of a lease. */
  readonly lease: number;
  /** The probability of each setback. All other items are completed at once. */
  readonly setbacks?: Readonly<Partial<Record<Setback, number>>>;
  /** It has one partition, in which so much waits that each consumer gets higher and higher ids. */
  readonly ascending?: boolean;
}

/** The options of a load. */
export interface LoadOptions {
  /** A dead-letter queue comes after the queues whose letters it receives. */
  readonly queues: readonly LoadedQueue[];
  readonly seed: number;
  /** The probability that a produce is scheduled. */
  readonly scheduled: number;
  /** The unit of schedules, in milliseconds: one to three for a produce, one and a half for a retry. */
  readonly delayMs: number;
  readonly produceTimeout: string;
  /** The payload of an item. Undefined: its name, which the consumer checks. */
  readonly payload?: () => string;
  /** Whether servers are killed, stopped or suspended. If not, each call must have a reply, and no 453. */
  readonly serversEnd: boolean;
  /** Whether partitions are in several databases. Then ids are in order within a partition only. */
  readonly severalDatabases: boolean;
  /** How long a client pauses after each of its answers while the producers run, in milliseconds. */
  readonly pauseMs: number;
}

export const DEFAULT_QUEUE: LoadedQueue = {
  name: 'load',
  settings: { requested_partitions: 2 },
  produce: 9,
  lease: 20,
  setbacks: { retry: 0.05, later: 0.05 },
};

export const DEFAULT_OPTIONS: LoadOptions = {
  queues: [DEFAULT_QUEUE],
  seed: 1,
  scheduled: 0.1,
  delayMs: 1_000,
  produceTimeout: '10s',
  serversEnd: false,
  severalDatabases: false,
  pauseMs: 0,
};

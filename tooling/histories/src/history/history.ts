/**
 * What a call came to, as its caller knows it.
 *
 * - `ok`: it was acknowledged.
 * - `invalid`: refused, since it contradicts what is stored. Certainly no effect.
 * - `not-done`: refused for another reason, such as no items in time. Certainly no effect.
 * - `unknown`: no answer, or one that says so. It may have taken effect, or may still do so.
 */
export type Outcome = 'ok' | 'invalid' | 'not-done' | 'unknown';

interface Call {
  /** Unique in its history; stays when the history is made smaller. */
  readonly number: number;
  /** Who called: one client makes one call after the other. */
  readonly client: string;
  /** Which of the servers was called. */
  readonly instance: number;
  /** When the call was made, in milliseconds since the history began. */
  readonly invoked: number;
  /** When its answer was there, or was given up. */
  readonly returned: number;
  readonly outcome: Outcome;
  /** What the server or the client library said, where it was not `ok`. */
  readonly error?: string | undefined;
}

/** Adds items. No two items of a history are called the same. */
export interface Produce extends Call {
  readonly call: 'produce';
  readonly items: readonly string[];
  /** Scheduled: no consumer gets them before that moment. */
  readonly notBefore?: number | undefined;
}

/** An item as a consumer was given it. */
export interface Given {
  readonly item: string;
  readonly id: string;
  readonly attempts: number;
  /** When the lease ends, as the server said, on the clock of the history. */
  readonly deadline: number;
}

/** Asks for items; they come in the order of the answer, all from one partition. */
export interface Lease extends Call {
  readonly call: 'lease';
  readonly limit: number;
  /** Set where items came. */
  readonly partition?: number | undefined;
  readonly given: readonly Given[];
}

/** Says what became of leased items: all of it takes effect, or none. */
export interface Settlement extends Call {
  readonly call: 'complete' | 'retry';
  readonly partition: number;
  readonly ids: readonly string[];
  /** Retry: not before that moment. */
  readonly notBefore?: number | undefined;
  /** Retry: the items are dead. The queue has no dead-letter queue, so they are gone. */
  readonly dead?: boolean | undefined;
}

/** Removes what waits, and when `leased` also what is leased, from all partitions. */
export interface Clear extends Call {
  readonly call: 'clear';
  readonly leased: boolean;
}

export type Operation = Produce | Lease | Settlement | Clear;

/** A time in which servers, their database or the ways between them were made to fail. */
export interface Disturbance {
  readonly what: string;
  readonly from: number;
  /** When it was mended. */
  readonly to: number;
}

/** What a server said when it was asked how many items its process has put back that had been leased for consumers who left. */
export interface ReleaseCount {
  readonly instance: number;
  /** Which of its processes answered: each counts from nothing. */
  readonly process: number;
  readonly asked: number;
  readonly answered: number;
  readonly released: number;
}

/** All that clients of one queue saw, and what was done to its servers meanwhile. */
export interface History {
  readonly version: 1;
  /** Where it came from: a seed, a variant of the engine. For people. */
  readonly origin: string;
  readonly partitions: number;
  readonly leaseTimeoutMs: number;
  /** Whether at the end everything was leased and settled until the queue said it was empty. */
  readonly drained: boolean;
  /** Why the run ended before its time; absent: it did not. */
  readonly brokenOff?: string | undefined;
  readonly disturbances: readonly Disturbance[];
  /** In order of time. Absent: the servers were not asked. */
  readonly releases?: readonly ReleaseCount[] | undefined;
  readonly operations: readonly Operation[];
}

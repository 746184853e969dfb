import type { Given, KeyedAnswer, Outcome } from './history.ts';

/** A lease's answer, before its times are on the clock of a history. */
export interface GivenItem extends Omit<Given, 'deadline'> {
  /** The end of the lease, in milliseconds since 1970. */
  readonly deadlineAt: number;
}

/** A lease with a new end, before its times are on the clock of a history. */
export interface ExtendedLease {
  readonly id: string;
  readonly deadlineAt: number;
}

/** The time from which items are available, in milliseconds since 1970. Undefined: at once. */
export interface At {
  readonly at?: number | undefined;
}

/** How items are produced. */
export interface ProduceHow extends At {
  /** A dedup key for the request. */
  readonly key?: string | undefined;
  /** With a key: whether the items get their names as metadata. */
  readonly named?: boolean | undefined;
}

/** The calls of a history, on one server and one queue. All of them throw {@link CallFailed}. */
export interface QueueCalls {
  /** @returns what a request with a key is told. */
  produce(items: readonly string[], how: ProduceHow): Promise<KeyedAnswer | undefined>;
  lease(client: string, limit: number): Promise<{ partition: number; given: readonly GivenItem[] }>;
  complete(partition: number, ids: readonly string[]): Promise<void>;
  retry(partition: number, ids: readonly string[], how: At & { readonly dead: boolean }): Promise<void>;
  /** @returns the leases that were extended, with their ends in milliseconds since 1970. */
  extend(
    partition: number,
    ids: readonly string[],
    leaseTimeoutMs: number,
  ): Promise<readonly ExtendedLease[]>;
  clear(leased: boolean): Promise<void>;
  /** The number of all items in the queue. */
  size(): Promise<number>;
}

/** A failed call and its outcome. */
export class CallFailed extends Error {
  override readonly name = 'CallFailed';
  readonly outcome: Exclude<Outcome, 'ok'>;

  constructor(outcome: Exclude<Outcome, 'ok'>, message: string, cause?: unknown) {
    super(message, { cause });
    this.outcome = outcome;
  }
}

/** Waits for a call whose failure does not matter. @returns undefined if it has failed. */
export async function orUnknown<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof CallFailed) return undefined;
    throw error;
  }
}

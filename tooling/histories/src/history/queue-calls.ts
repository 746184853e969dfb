import type { Outcome } from './history.ts';

/** A consumer's share of items, before it is put on the clock of a history. */
export interface GivenItem {
  readonly item: string;
  readonly id: string;
  readonly attempts: number;
  /** When the lease ends, in milliseconds since 1970. */
  readonly deadlineAt: number;
}

/** Says when items are to be available, in milliseconds since 1970; absent: at once. */
export interface At {
  readonly at?: number | undefined;
}

/** The calls that a history is made of, on one server and one queue. All of them throw {@link CallFailed}. */
export interface QueueCalls {
  produce(items: readonly string[], when: At): Promise<void>;
  lease(client: string, limit: number): Promise<{ partition: number; given: readonly GivenItem[] }>;
  complete(partition: number, ids: readonly string[]): Promise<void>;
  retry(partition: number, ids: readonly string[], how: At & { readonly dead: boolean }): Promise<void>;
  clear(leased: boolean): Promise<void>;
  /** Items of any kind that the queue holds. */
  size(): Promise<number>;
}

/** A call without success, and what is known of its effect. */
export class CallFailed extends Error {
  override readonly name = 'CallFailed';
  readonly outcome: Exclude<Outcome, 'ok'>;

  constructor(outcome: Exclude<Outcome, 'ok'>, message: string, cause?: unknown) {
    super(message, { cause });
    this.outcome = outcome;
  }
}

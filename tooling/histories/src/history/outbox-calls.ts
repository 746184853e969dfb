/** One transaction of a caller that writes items into an outbox. */
export interface Transaction {
  /** The items of each call of `enqueue`, in order. */
  readonly calls: readonly (readonly string[])[];
  /** The pause after each call, in milliseconds. */
  readonly pauseMs: number;
  /** Whether it is rolled back in the end. */
  readonly rollsBack: boolean;
}

/** The transactions of one client, one at a time, on the caller's database. */
export interface OutboxCalls {
  /**
   * Resolves when it has committed.
   *
   * @throws CallFailed `not-done` if it was rolled back, `unknown` if the answer to its commit was lost.
   */
  run(transaction: Transaction): Promise<void>;
  close(): void;
}

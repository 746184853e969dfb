/** How long the parts of a call may take, in milliseconds. */
export interface TimeLimits {
  /** Waiting for a connection. */
  readonly acquireMs: number;
  /** One statement of a request, as the server counts it (`statement_timeout`). */
  readonly statementMs: number;
  /** One statement of an operator: clearing a queue, making and dropping a table. */
  readonly maintenanceMs: number;
  /** Counting a partition, which reads its whole table. */
  readonly countMs: number;
  /** Waiting for a lock (`lock_timeout`). */
  readonly lockMs: number;
  /** A transaction that nobody goes on with (`idle_in_transaction_session_timeout`). */
  readonly idleInTransactionMs: number;
  /** How much longer than the server's limit the answer may take before the connection is given up. */
  readonly answerGraceMs: number;
  /** How long a transaction of somebody else's may be open before a ping reports it: it keeps dead rows. */
  readonly heldHorizonMs: number;
}

export const DEFAULT_TIME_LIMITS: TimeLimits = {
  acquireMs: 3_000,
  statementMs: 3_000,
  maintenanceMs: 30_000,
  countMs: 300_000,
  lockMs: 2_000,
  idleInTransactionMs: 10_000,
  answerGraceMs: 1_000,
  heldHorizonMs: 60_000,
};

/** Time limits for the parts of a call, in milliseconds. */
export interface TimeLimits {
  /** Waiting for a connection. */
  readonly acquireMs: number;
  /** One statement of a request, as the server measures it (`statement_timeout`). */
  readonly statementMs: number;
  /** One statement of an operator: clearing a queue, creating or dropping a table. */
  readonly maintenanceMs: number;
  /** Counting a partition, which reads the whole table. */
  readonly countMs: number;
  /** Waiting for a lock (`lock_timeout`). */
  readonly lockMs: number;
  /** A transaction that stays idle (`idle_in_transaction_session_timeout`). */
  readonly idleInTransactionMs: number;
  /** How much later than the server's limit an answer may come before the connection is given up. */
  readonly answerGraceMs: number;
  /** The age from which a ping reports a transaction of another session that keeps dead rows. */
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

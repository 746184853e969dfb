/** The present state of a pool. */
export interface PoolState {
  /** Hosts, ports and database. Never the user or the password. */
  readonly target: string;
  readonly maxConns: number;
  /** Connections that are open or being opened. */
  readonly open: number;
  readonly idle: number;
  /** Requests waiting for a connection. */
  readonly waiting: number;
  /** Requests that got no connection in time, since the pool was created. */
  readonly timedOut: number;
}

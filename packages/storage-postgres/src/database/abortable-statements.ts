import type { CancelTimer, Clock } from '@querator/core';
import type { Connection } from '../connection/connection.ts';

interface AbortableStatementsDeps {
  readonly clock: Clock;
  /** How long an aborted statement may run before its connection is closed. */
  readonly graceMs: number;
  /** Called with a connection that must not be used again. */
  readonly giveUp: (connection: Connection) => void;
}

/** Statements that may take minutes, and end early once no caller waits for them. */
export class AbortableStatements {
  readonly #deps: AbortableStatementsDeps;
  /** Each closes the connection of a statement. */
  readonly #closeFunctions = new Set<() => void>();

  constructor(deps: AbortableStatementsDeps) {
    this.#deps = deps;
  }

  /**
   * Runs a statement, and asks the server to cancel it when `signal` aborts.
   * The connection is given up, since the request may arrive late and hit
   * another statement. It is closed after the grace period if the statement has
   * not ended by then.
   */
  async run<T>(connection: Connection, signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
    signal?.throwIfAborted();
    const { clock, graceMs, giveUp } = this.#deps;
    let cancelTimer: CancelTimer | undefined;
    const close = () => void connection.close();
    const abort = () => {
      giveUp(connection);
      void connection.cancel();
      cancelTimer = clock.startTimer(graceMs, close);
    };
    signal?.addEventListener('abort', abort);
    this.#closeFunctions.add(close);
    try {
      return await work();
    } finally {
      signal?.removeEventListener('abort', abort);
      this.#closeFunctions.delete(close);
      cancelTimer?.();
    }
  }

  /** Closes the connections of all statements. For a server that no longer answers. */
  closeAll(): void {
    for (const close of this.#closeFunctions) close();
  }
}

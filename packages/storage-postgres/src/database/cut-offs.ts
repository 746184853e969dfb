import type { CancelTimer, Clock } from '@querator/core';
import type { Connection } from '../connection/connection.ts';

interface CutOffsDeps {
  readonly clock: Clock;
  /** So long a statement that is given up may go on before its connection is closed; milliseconds. */
  readonly graceMs: number;
  /** Told of connections that must not be used again. */
  readonly giveUp: (connection: Connection) => void;
}

/** The statements under way that may take minutes, and what ends them. */
export class CutOffs {
  readonly #deps: CutOffsDeps;
  /** Each closes the connection of one of them. */
  readonly #cutOffs = new Set<() => void>();

  constructor(deps: CutOffsDeps) {
    this.#deps = deps;
  }

  /**
   * Has the statement under way given up once nobody waits for it. Its
   * connection is closed, since that may come late; at once where the server
   * does not hear of it, or leaves other statements without an answer.
   */
  async untilAborted<T>(
    connection: Connection,
    signal: AbortSignal | undefined,
    work: () => Promise<T>,
  ): Promise<T> {
    signal?.throwIfAborted();
    const { clock, graceMs, giveUp } = this.#deps;
    let cancelTimer: CancelTimer | undefined;
    const cutOff = () => void connection.close();
    const stop = () => {
      giveUp(connection);
      void connection.cancel();
      cancelTimer = clock.startTimer(graceMs, cutOff);
    };
    signal?.addEventListener('abort', stop);
    this.#cutOffs.add(cutOff);
    try {
      return await work();
    } finally {
      signal?.removeEventListener('abort', stop);
      this.#cutOffs.delete(cutOff);
      cancelTimer?.();
    }
  }

  /** Ends all of them, where the server no longer answers. */
  all(): void {
    for (const cutOff of this.#cutOffs) cutOff();
  }
}

import type { Readable, Writable } from 'node:stream';
import type { Fetch } from '@querator/client';
import type { MonotonicClock } from '../monotonic-clock.ts';
import type { ServerOptions } from '../run-server.ts';

/** Signals that end the process, unless they are handled. */
export type EndSignal = 'SIGINT' | 'SIGTERM' | 'SIGHUP';

/** Everything outside of the process that the command line uses, except files. */
export interface CliIo {
  readonly stdin: Readable;
  /** For data only. */
  readonly stdout: Writable;
  /** For messages to people. */
  readonly stderr: Writable;
  /** Whether standard error is a terminal, which can show progress. */
  readonly isTerminal: boolean;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Calls the server. Undefined: Node's own HTTP client. */
  readonly fetch?: Fetch | undefined;
  /** Aborted when the user interrupts. Commands that handle signals themselves do not call it. */
  readonly interrupted: () => AbortSignal;
  /**
   * Calls `cleanUp`, which does not wait, before one of these signals ends the process.
   *
   * @returns a function after which it is not called any more.
   */
  readonly beforeEnd: (signals: readonly EndSignal[], cleanUp: () => void) => () => void;
  readonly monotonicClock: MonotonicClock;
  /** Waits `delayMs` milliseconds, or until the signal is aborted. Never throws. */
  readonly sleep: (delayMs: number, signal: AbortSignal) => Promise<void>;
  /** Called once the arguments name a command, before it runs. */
  readonly begins?: (command: string) => void;
  /** Runs a server until a signal stops it. Resolves with the exit code. */
  readonly runServer: (options: ServerOptions) => Promise<number>;
}

import type { Readable, Writable } from 'node:stream';
import type { Fetch } from '@querator/client';
import type { MonotonicClock } from '../monotonic-clock.ts';
import type { ServerOptions } from '../run-server.ts';

/** Everything of the outside world that the command line touches, apart from files. */
export interface CliIo {
  readonly stdin: Readable;
  /** Data, and nothing else. */
  readonly stdout: Writable;
  /** Everything said to people. */
  readonly stderr: Writable;
  /** Whether standard error is a terminal, where progress can be shown. */
  readonly isTerminal: boolean;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** What the server is called with; absent: Node's own HTTP client. */
  readonly fetch?: Fetch | undefined;
  /** Aborted when the user interrupts. Asked for by those commands only that do not handle signals themselves. */
  readonly interrupted: () => AbortSignal;
  readonly monotonicClock: MonotonicClock;
  /** Waits so many milliseconds, or until the signal is aborted. Never throws. */
  readonly sleep: (delayMs: number, signal: AbortSignal) => Promise<void>;
  /** Runs a server until it is told to stop; resolves with the exit code. */
  readonly runServer: (options: ServerOptions) => Promise<number>;
}

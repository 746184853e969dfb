import type { Clock, Logger, Random, StorageDriver } from '@querator/core';
import type { AuthorizePage } from './http/call/authorize-page.ts';
import type { MonotonicClock } from './monotonic-clock.ts';
import type { ProcessLimits } from './observability/process-limits.ts';
import type { Tracing } from './tracing/tracing.ts';

/** The dependencies of a server. A test passes other values than a process does. */
export interface ServerDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Writes the request log and the audit, if they are on. Undefined: `logger`. */
  readonly requestLogger?: Logger;
  /** Measures how long requests take. Undefined: the clock of the process. */
  readonly monotonicClock?: MonotonicClock;
  /** The limits of the process. Undefined: they are not watched, as where several servers share a process. */
  readonly processLimits?: ProcessLimits;
  /** Whether this is the only server of its process. Then its metrics include those of the process. */
  readonly ofProcess?: boolean;
  /** The name of this process among several on one port. */
  readonly worker?: string;
  /** Drivers of the program, by whose names storages of the settings may use them. */
  readonly drivers?: readonly StorageDriver[];
  /** Records traces. The server stops it. Undefined: there are none. */
  readonly tracing?: Tracing | undefined;
  /** The built page of the console. Undefined: that of its package. */
  readonly consoleFolder?: string;
  /** Checks who may see metrics and the details of health. Undefined: everybody may. */
  readonly authorizePage?: AuthorizePage;
}

import { readdir } from 'node:fs/promises';
import process from 'node:process';
import { getHeapStatistics } from 'node:v8';
import type { CancelTimer, Clock, Logger } from '@querator/core';
import type { ProcessLimits } from './process-limits.ts';

/** The pause between checks. */
const INTERVAL_MS = 5_000;
/** The part of a limit that starts a warning, and the part below which the warning ends. */
const WARN_FROM = 0.9;
const WARN_UNTIL = 0.8;

/** Errors of a system or a process without a free descriptor. */
const NO_DESCRIPTOR = new Set(['EMFILE', 'ENFILE']);

/** The resources that the process uses. */
export interface Usage {
  /** Rejects with EMFILE or ENFILE if no descriptor is free for the count itself. */
  readonly openFiles: () => Promise<number>;
  readonly heapBytes: () => number;
  readonly memoryBytes: () => number;
}

/** Reads the usage of this process. Open files are 0 on systems that do not list descriptors. */
export const USAGE: Usage = {
  openFiles: async () => {
    try {
      return (await readdir('/proc/self/fd')).length;
    } catch (error) {
      if (NO_DESCRIPTOR.has((error as NodeJS.ErrnoException).code ?? '')) throw error;
      return 0;
    }
  },
  heapBytes: () => getHeapStatistics().used_heap_size,
  memoryBytes: () => process.memoryUsage.rss(),
};

/** The dependencies of a watch. */
export interface ResourceWatchDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly limits: ProcessLimits;
  readonly usage: Usage;
}

/**
 * Logs when the process comes close to one of its limits, and when it is well
 * below it again. Node reports no connection that it cannot accept because no
 * descriptor is free.
 */
export class ResourceWatch {
  readonly #deps: ResourceWatchDeps;
  readonly #short = new Set<string>();
  #cancel: CancelTimer | undefined;
  #stopped = false;

  constructor(deps: ResourceWatchDeps) {
    this.#deps = deps;
  }

  start(): void {
    if (this.#stopped) return;
    this.#cancel = this.#deps.clock.startTimer(INTERVAL_MS, () => {
      void this.check().finally(() => this.start());
    });
  }

  stop(): void {
    this.#stopped = true;
    this.#cancel?.();
  }

  /** Checks all limits once. Never rejects. */
  async check(): Promise<void> {
    const { limits, usage } = this.#deps;
    this.#compare('heap', usage.heapBytes(), limits.heapBytes);
    this.#compare('memory', usage.memoryBytes(), limits.memoryBytes);
    try {
      this.#compare('open files', await usage.openFiles(), limits.openFiles);
    } catch (error) {
      this.#short.add('open files');
      this.#deps.logger.error('no file descriptor is left: connections fail', { err: error });
    }
  }

  #compare(resource: string, used: number, limit: number | undefined): void {
    if (limit === undefined) return;
    const { logger } = this.#deps;
    const wasShort = this.#short.has(resource);
    if (used >= WARN_FROM * limit) {
      this.#short.add(resource);
      if (!wasShort) logger.warn('the process is close to a limit', { resource, used, limit });
    } else if (wasShort && used < WARN_UNTIL * limit) {
      this.#short.delete(resource);
      logger.info('the process is no longer close to a limit', { resource, used, limit });
    }
  }
}

import { readdir } from 'node:fs/promises';
import process from 'node:process';
import { getHeapStatistics } from 'node:v8';
import type { CancelTimer, Clock, Logger } from '@querator/core';
import type { ProcessLimits } from './process-limits.ts';

/** How often the process is looked at. */
const INTERVAL_MS = 5_000;
/** A part of a limit that is worth a warning, and the part below which it is over. */
const NEARLY = 0.9;
const AGAIN_ENOUGH = 0.8;

/** The system or the process has no descriptor left. */
const NO_DESCRIPTOR = new Set(['EMFILE', 'ENFILE']);

/** How much of something the process uses. */
export interface Usage {
  /** Rejects with EMFILE or ENFILE where no descriptor is left to look with. */
  readonly openFiles: () => Promise<number>;
  readonly heapBytes: () => number;
  readonly memoryBytes: () => number;
}

/** Reads what this process uses. On systems that do not list its descriptors these count as none. */
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

/** What a watch works with. */
export interface ResourceWatchDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly limits: ProcessLimits;
  readonly usage: Usage;
}

/**
 * Says in the log when the process comes close to one of its limits, and when
 * it is well below it again. Node itself says nothing of connections that it
 * could not accept for want of a descriptor.
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
      void this.look().finally(() => this.start());
    });
  }

  stop(): void {
    this.#stopped = true;
    this.#cancel?.();
  }

  /** Looks once. Never rejects. */
  async look(): Promise<void> {
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
    if (used >= NEARLY * limit) {
      this.#short.add(resource);
      if (!wasShort) logger.warn('the process is close to a limit', { resource, used, limit });
    } else if (wasShort && used < AGAIN_ENOUGH * limit) {
      this.#short.delete(resource);
      logger.info('the process is no longer close to a limit', { resource, used, limit });
    }
  }
}

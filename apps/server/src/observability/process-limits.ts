import { availableParallelism } from 'node:os';
import process from 'node:process';
import { getHeapStatistics } from 'node:v8';
import type { Logger } from '@querator/core';

/** What the operating system and the runtime allow this process. */
export interface ProcessLimits {
  /** Files and sockets that may be open at a time. Undefined: no limit, or not known. */
  readonly openFiles: number | undefined;
  /** JavaScript objects, in bytes. */
  readonly heapBytes: number;
  /** All memory, in bytes, where a container limits it. */
  readonly memoryBytes: number | undefined;
  readonly processors: number;
}

/** Descriptors that are neither a client's nor a database's: files, pipes, the event loop's own, lookups of names. */
const OTHER_FILES = 64;
/** A limit that is higher than any machine's memory is none. */
const NO_LIMIT_BYTES = 2 ** 50;

/** Reads the limits of this process. */
export function readProcessLimits(): ProcessLimits {
  const memoryBytes = process.constrainedMemory();
  return {
    openFiles: openFilesLimit(),
    heapBytes: getHeapStatistics().heap_size_limit,
    memoryBytes: memoryBytes > 0 && memoryBytes < NO_LIMIT_BYTES ? memoryBytes : undefined,
    processors: availableParallelism(),
  };
}

function openFilesLimit(): number | undefined {
  // Looking names up would take long.
  (process.report as { excludeNetwork?: boolean }).excludeNetwork = true;
  const report = process.report.getReport() as { userLimits?: { open_files?: { soft?: unknown } } };
  const soft = report.userLimits?.open_files?.soft;
  return typeof soft === 'number' ? soft : undefined;
}

/** What a server wants to have open at a time. */
export interface WantedFiles {
  /** Connections that are served at a time. */
  readonly connections: number;
  readonly pools: readonly { readonly target: string; readonly maxConns: number }[];
}

/**
 * How many connections of clients may be open at a time, so that descriptors
 * are left for databases: without them no client could be served.
 *
 * Undefined: any number.
 */
export function mostOpenConnections(
  { openFiles }: Pick<ProcessLimits, 'openFiles'>,
  { pools }: Pick<WantedFiles, 'pools'>,
): number | undefined {
  return openFiles === undefined ? undefined : Math.max(openFiles - filesBesides(pools), 1);
}

function filesBesides(pools: WantedFiles['pools']): number {
  return pools.reduce((sum, { maxConns }) => sum + maxConns, OTHER_FILES);
}

/** Says in the log what this process may use, and warns where that is less than it is set up for. */
export function logProcessLimits(logger: Logger, limits: ProcessLimits, wanted: WantedFiles): void {
  const { openFiles, heapBytes, memoryBytes, processors } = limits;
  const pools = wanted.pools.map(({ target, maxConns }) => `${target}: ${maxConns}`);
  logger.info('limits of this process', {
    openFiles: openFiles ?? 'unlimited',
    heapMegabytes: inMegabytes(heapBytes),
    ...(memoryBytes === undefined ? {} : { memoryMegabytes: inMegabytes(memoryBytes) }),
    processors,
    connections: wanted.connections,
    ...(pools.length > 0 ? { pools } : {}),
  });
  const needed = wanted.connections + filesBesides(wanted.pools);
  if (openFiles === undefined || openFiles >= needed) return;
  logger.warn('the limit of open files is lower than connections and pools need; raise it (ulimit -n)', {
    ...{ openFiles, needed },
    connections: mostOpenConnections(limits, wanted),
  });
}

function inMegabytes(bytes: number): number {
  return Math.round(bytes / 2 ** 20);
}

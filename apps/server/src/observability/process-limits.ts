import { availableParallelism } from 'node:os';
import process from 'node:process';
import { getHeapStatistics } from 'node:v8';
import type { Logger } from '@querator/core';

/** The limits that the operating system and the runtime set for this process. */
export interface ProcessLimits {
  /** How many files and sockets may be open at a time. Undefined: no limit, or an unknown one. */
  readonly openFiles: number | undefined;
  /** The limit of the JavaScript heap. */
  readonly heapBytes: number;
  /** The memory limit of the container. Undefined: there is none. */
  readonly memoryBytes: number | undefined;
  readonly processors: number;
}

/** Descriptors besides those of clients and databases: files, pipes, the event loop, name lookups. */
const OTHER_FILES = 64;
/** A limit above the memory of any machine counts as none. */
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
  // Name lookups would delay the report.
  (process.report as { excludeNetwork?: boolean }).excludeNetwork = true;
  const report = process.report.getReport() as { userLimits?: { open_files?: { soft?: unknown } } };
  const soft = report.userLimits?.open_files?.soft;
  return typeof soft === 'number' ? soft : undefined;
}

/** The files and sockets that a server opens. */
export interface WantedFiles {
  /** The number of connections that are served at a time. */
  readonly connections: number;
  readonly pools: readonly { readonly target: string; readonly maxConns: number }[];
}

/**
 * The number of client connections that may be open at a time. The rest of the
 * descriptors is reserved for databases: without them the server could serve no
 * client. Undefined: any number.
 */
export function mostOpenConnections(
  { openFiles }: Pick<ProcessLimits, 'openFiles'>,
  { pools }: Pick<WantedFiles, 'pools'>,
): number | undefined {
  return openFiles === undefined ? undefined : Math.max(openFiles - reservedFiles(pools), 1);
}

/** The default for `max-connections` where the descriptors and the heap allow it. */
const MOST_CONNECTIONS = 10_000;
/** The heap that an open connection takes, with some reserve, in bytes. */
const HEAP_PER_CONNECTION = 32_768;

/**
 * How many connections are served, and how many may be open, at a time. By
 * default as many as there are descriptors. A great heap allows more than 10,000.
 *
 * @param configured `max-connections`. Undefined: the default.
 */
export function connectionLimits(
  configured: number | undefined,
  limits: ProcessLimits | undefined,
  pools: WantedFiles['pools'],
): { readonly served: number; readonly open: number | undefined } {
  if (limits === undefined) return { served: configured ?? MOST_CONNECTIONS, open: undefined };
  const open = mostOpenConnections(limits, { pools });
  const byHeap = Math.max(MOST_CONNECTIONS, Math.floor(limits.heapBytes / HEAP_PER_CONNECTION));
  return { served: configured ?? Math.min(open ?? byHeap, byHeap), open };
}

function reservedFiles(pools: WantedFiles['pools']): number {
  return pools.reduce((sum, { maxConns }) => sum + maxConns, OTHER_FILES);
}

/** Logs the limits of this process, and warns if connections and pools need more open files. */
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
  const needed = wanted.connections + reservedFiles(wanted.pools);
  if (openFiles === undefined || openFiles >= needed) return;
  logger.warn('the limit of open files is lower than connections and pools need; raise it (ulimit -n)', {
    openFiles,
    needed,
    connections: mostOpenConnections(limits, wanted),
  });
}

function inMegabytes(bytes: number): number {
  return Math.round(bytes / 2 ** 20);
}

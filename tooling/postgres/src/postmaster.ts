import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readSync, statSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { childrenOf, command, isAlive, type RunAs, signal, worksIn } from '@querator/tooling-processes';
import type { PostgresBinaries } from './binaries.ts';
import type { DataFolder } from './data-folder.ts';
import { readPostmasterFile } from './postmaster-file.ts';

const POLL_MS = 15;
const FAST_STOP_MS = 30_000;
const IMMEDIATE_STOP_MS = 10_000;
const LOG_LIMIT_BYTES = 5_000_000;

/** A failed start, with the end of PostgreSQL's log. */
export class StartError extends Error {
  override readonly name = 'StartError';
}

/** A running PostgreSQL, started here or left by an earlier owner. */
export interface Postmaster {
  readonly pid: number;
  readonly port: number;
  readonly adopted: boolean;
  /** Resolves when the process has ended for any reason. */
  readonly ended: Promise<void>;
}

/** PostgreSQL's log from `offset` on. */
function logSince(file: string, offset: number): string {
  const descriptor = openSync(file, 'r');
  try {
    const buffer = Buffer.alloc(8000);
    return buffer.toString('utf8', 0, readSync(descriptor, buffer, 0, buffer.length, offset));
  } finally {
    closeSync(descriptor);
  }
}

function sizeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}

/** Resolves when a process has ended that is not a child of this one. */
async function endOf(pid: number): Promise<void> {
  while (isAlive(pid)) await delay(100, undefined, { ref: false });
}

async function waitUntilReady(folder: DataFolder, child: ChildProcess, timeoutMs: number): Promise<boolean> {
  const deadline = performance.now() + timeoutMs;
  while (performance.now() < deadline) {
    if (child.exitCode !== null || child.signalCode !== null) return false;
    const file = readPostmasterFile(folder.pgdata);
    if (file?.pid === child.pid && file?.status === 'ready') return true;
    await delay(POLL_MS);
  }
  return false;
}

/** How to start PostgreSQL on a cluster. */
export interface LaunchOptions {
  readonly runAs: RunAs;
  readonly port: number;
  readonly settings: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
}

/** Starts PostgreSQL on a port and waits until it takes connections. */
export async function launch(
  folder: DataFolder,
  binaries: PostgresBinaries,
  options: LaunchOptions,
): Promise<Postmaster> {
  const settings = {
    listen_addresses: '127.0.0.1',
    // No socket file, since its path may exceed the system's limit.
    unix_socket_directories: '',
    // Statements contain payloads, which must not be logged.
    log_min_error_statement: 'panic',
    ...options.settings,
  };
  const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const server = command(options.runAs, binaries.postgres, [
    ...['-D', folder.pgdata, '-p', String(options.port)],
    ...flags,
  ]);
  const log = openSync(folder.log, sizeOf(folder.log) > LOG_LIMIT_BYTES ? 'w' : 'a', 0o600);
  const offset = sizeOf(folder.log);
  // A separate process group, since Ctrl-C in the terminal must not reach it before the server has stopped.
  const child = spawn(server.file, server.args, {
    ...server.options,
    detached: true,
    stdio: ['ignore', log, log],
  });
  closeSync(log);
  const ended = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
    child.once('error', () => resolve());
  });
  child.unref();
  if (await waitUntilReady(folder, child, options.timeoutMs)) {
    return { pid: child.pid as number, port: options.port, adopted: false, ended };
  }
  child.kill('SIGQUIT');
  await ended;
  throw new StartError(`PostgreSQL did not start (see ${folder.log}):\n${logSince(folder.log, offset)}`);
}

/** Finds a PostgreSQL that a killed owner left running on this data. Waits for one that is shutting down. */
export async function findLeftBehind(pgdata: string, timeoutMs: number): Promise<Postmaster | undefined> {
  const deadline = performance.now() + timeoutMs;
  while (performance.now() < deadline) {
    const file = readPostmasterFile(pgdata);
    if (file === undefined || !isAlive(file.pid) || !worksIn(file.pid, pgdata)) return undefined;
    if (file.status === 'ready') {
      // It may be about to stop, and not have written so yet.
      await delay(100);
      if (readPostmasterFile(pgdata)?.status === 'ready' && isAlive(file.pid)) {
        return { pid: file.pid, port: file.port, adopted: true, ended: endOf(file.pid) };
      }
    }
    await delay(POLL_MS);
  }
  throw new StartError(`A PostgreSQL that is neither up nor down holds ${pgdata}.`);
}

async function endsWithin(postmaster: Postmaster, timeoutMs: number): Promise<boolean> {
  const timer = new AbortController();
  const late = delay(timeoutMs, false, { signal: timer.signal }).catch(() => false);
  const ended = await Promise.race([postmaster.ended.then(() => true), late]);
  timer.abort();
  return ended;
}

/**
 * Fast shutdown: rolls back open transactions, writes a checkpoint and ends. After
 * a time limit, immediate shutdown, then SIGKILL.
 */
export async function shutDown(postmaster: Postmaster): Promise<void> {
  signal(postmaster.pid, 'SIGINT');
  if (await endsWithin(postmaster, FAST_STOP_MS)) return;
  signal(postmaster.pid, 'SIGQUIT');
  if (await endsWithin(postmaster, IMMEDIATE_STOP_MS)) return;
  killAll(postmaster.pid);
  await postmaster.ended;
}

/** Kills the postmaster and its processes, like a loss of the machine. */
export function killAll(pid: number): void {
  const family = stopAll(pid);
  for (const member of family) signal(member, 'SIGKILL');
}

/** Freezes the postmaster and its processes, so that it starts no new ones. @returns the processes. */
export function stopAll(pid: number): number[] {
  signal(pid, 'SIGSTOP');
  const children = childrenOf(pid);
  for (const child of children) signal(child, 'SIGSTOP');
  return [pid, ...children];
}

/** Undoes `stopAll`. */
export function continueAll(family: readonly number[]): void {
  for (const member of family) signal(member, 'SIGCONT');
}

/** Waits until all of the processes have ended. */
export async function allGone(family: readonly number[]): Promise<void> {
  while (family.some(isAlive)) await delay(POLL_MS);
}

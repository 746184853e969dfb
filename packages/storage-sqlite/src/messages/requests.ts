import type { Instant } from '@querator/core';
import type { FailedCall } from './failed-call.ts';

/** How a storage is opened, for the thread that has the file. */
export interface ThreadStart {
  /** The file, or a folder for it. */
  readonly path: string;
  /** Whether each commit waits until the disk has it. */
  readonly durability: 'full' | 'normal';
  /** `write`: holds the lock of the file, and may change it. `read`: sees what is committed. */
  readonly role: 'write' | 'read';
  /** At least 256 random bits, from which the random parts of ids are made. */
  readonly seed: string;
}

/** One call, by its name in `CALLS`. */
export interface NamedCall {
  readonly name: string;
  readonly args: unknown;
  /** When it was handed over, by the clock of its storage. */
  readonly now: Instant;
}

/** What the main thread asks of a storage's thread: one thing at a time. */
export type Request =
  /** Runs calls in one transaction, each of them as a whole or not at all. */
  | { readonly type: 'group'; readonly calls: readonly NamedCall[] }
  /** Begins a transaction that lasts until `commit` or `rollback`. Only calls in it follow. */
  | { readonly type: 'begin' }
  | { readonly type: 'call'; readonly call: NamedCall }
  | { readonly type: 'commit' }
  | { readonly type: 'rollback' }
  /** Checks whether the file can serve, and creates nothing. */
  | { readonly type: 'ping' }
  /** Waits until the disk has everything that was committed, also if commits do not. */
  | { readonly type: 'sync' }
  | { readonly type: 'close' };

/** What became of one call. */
export type Result =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly failure: FailedCall };

/** The answer to a request. `failure`: the request as a whole had no effect, or an unknown one. */
export type Reply =
  | { readonly ok: true; readonly results: readonly Result[] }
  | { readonly ok: false; readonly failure: FailedCall };

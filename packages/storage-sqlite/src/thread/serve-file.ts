import { accessSync, constants, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { StorageError } from '@querator/core';
import { fileAt } from '../file/file-at.ts';
import { type OpenFile, openFile } from '../file/open-file.ts';
import { codeOf, isSqliteError, SQLITE, storageErrorOf } from '../file/sqlite-error.ts';
import type { Transaction } from '../file/transaction.ts';
import { type FailedCall, failureOf } from '../messages/failed-call.ts';
import type { NamedCall, Reply, Request, Result, ThreadStart } from '../messages/requests.ts';
import { CALLS } from './calls.ts';

/** Failures of one statement, after which the transaction can go on. */
const OF_ONE_CALL: ReadonlySet<number> = new Set([SQLITE.CONSTRAINT, SQLITE.TOOBIG]);
/** Failures after which the file stays open: it can serve again as it is. */
const LEAVES_OPEN: ReadonlySet<number> = new Set([SQLITE.BUSY, SQLITE.FULL]);

/** A transaction between two calls. */
type OpenTransaction = Omit<Transaction, 'now'>;

/** A failure of the whole transaction, and not of one call in it. */
class TransactionFailed extends Error {
  readonly error: StorageError;

  constructor(error: StorageError) {
    super(error.message);
    this.error = error;
  }
}

/** The file of one storage. Answers one request after the other, and never throws. */
export class FileServer {
  readonly #start: ThreadStart;
  /** The path of the file. */
  readonly #name: string;
  #transaction: OpenTransaction | undefined;
  #opened: OpenFile | undefined;
  #wasOpen = false;
  #lastWriteFailed = false;

  constructor(start: ThreadStart) {
    this.#start = start;
    this.#name = fileAt(start.path);
  }

  /** The open file, if it is open and no transaction lasts: for housekeeping between requests. */
  get idleFile(): OpenFile | undefined {
    return this.#transaction === undefined ? this.#opened : undefined;
  }

  answer(request: Request): Reply {
    try {
      return { ok: true, results: this.#answer(request) };
    } catch (error) {
      this.#abandon();
      this.#lastWriteFailed = true;
      if (!leavesOpen(error)) this.#close();
      return { ok: false, failure: this.#failureOf(error) };
    }
  }

  #answer(request: Request): readonly Result[] {
    switch (request.type) {
      case 'group':
        return this.#start.role === 'read' ? this.#read(request.calls) : this.#group(request.calls);
      case 'begin':
        this.#begin();
        return [];
      case 'call':
        return [this.#call(this.#current(), request.call)];
      case 'commit':
        this.#commit();
        return [];
      case 'rollback':
        this.#abandon();
        return [];
      case 'sync':
        this.#file().sync();
        return [];
      case 'ping':
        this.#ping();
        return [];
      case 'close':
        this.#close();
        return [];
    }
  }

  #group(calls: readonly NamedCall[]): readonly Result[] {
    const transaction = this.#begin();
    const [first] = calls;
    if (first !== undefined && calls.length === 1) {
      const result = this.#attempt(transaction, first);
      if (result.ok) this.#commit();
      else this.#abandon();
      return [result];
    }
    const results = calls.map((call) => this.#call(transaction, call));
    this.#commit();
    return results;
  }

  #read(calls: readonly NamedCall[]): readonly Result[] {
    const { connection, partitions, sequence, lineage, assertInPlace } = this.#file();
    assertInPlace();
    // What this thread knows of partitions may have changed since.
    partitions.forget();
    connection.run('begin');
    try {
      return calls.map((call) => this.#attempt({ connection, partitions, sequence, lineage }, call));
    } finally {
      connection.exec('rollback');
    }
  }

  #file(): OpenFile {
    if (this.#opened === undefined) {
      this.#assertNotMissing();
      this.#opened = openFile(this.#name, this.#start);
      this.#wasOpen = true;
    }
    return this.#opened;
  }

  #begin(): OpenTransaction {
    const { connection, partitions, sequence, lineage, assertInPlace } = this.#file();
    assertInPlace();
    connection.run('begin immediate');
    this.#transaction = { connection, partitions, sequence, lineage };
    return this.#transaction;
  }

  #current(): OpenTransaction {
    const transaction = this.#transaction;
    if (transaction === undefined) {
      throw new StorageError('the transaction has ended', { outcome: 'not-applied' });
    }
    return transaction;
  }

  #commit(): void {
    const { connection } = this.#current();
    try {
      connection.run('commit');
    } catch (error) {
      if (!isSqliteError(error)) throw error;
      throw new TransactionFailed(storageErrorOf(error, this.#name, true));
    }
    this.#transaction = undefined;
    this.#lastWriteFailed = false;
  }

  /** Runs a call as a whole or not at all. @throws if the transaction cannot go on. */
  #call(transaction: OpenTransaction, call: NamedCall): Result {
    const { connection, partitions, sequence } = transaction;
    connection.run('savepoint one_call');
    const result = this.#attempt(transaction, call);
    if (!result.ok) {
      connection.run('rollback to one_call');
      partitions.forget();
      sequence.rolledBack();
    }
    connection.run('release one_call');
    return result;
  }

  #attempt(open: OpenTransaction, { name, args, now }: NamedCall): Result {
    try {
      const run = CALLS[name as keyof typeof CALLS] as (with_: Transaction, args: unknown) => unknown;
      return { ok: true, value: run({ ...open, now }, args) };
    } catch (error) {
      if (isSqliteError(error) && !OF_ONE_CALL.has(codeOf(error))) throw error;
      return { ok: false, failure: this.#failureOf(error) };
    }
  }

  /** Ends a transaction without effect, and closes a file that may not be usable any more. */
  #abandon(): void {
    const transaction = this.#transaction;
    this.#transaction = undefined;
    if (transaction === undefined) return;
    transaction.partitions.forget();
    try {
      // After some failures SQLite has rolled back already.
      transaction.connection.exec('rollback');
    } catch {}
    try {
      transaction.sequence.rolledBack();
    } catch {
      this.#close();
    }
  }

  #ping(): void {
    this.#assertNotMissing();
    if (this.#opened === undefined && statSync(this.#name, { throwIfNoEntry: false }) === undefined) {
      assertFolder(dirname(this.#name));
      return;
    }
    const { connection, assertInPlace } = this.#file();
    assertInPlace();
    connection.run('begin immediate');
    // Only a real write tells that a disk has room again.
    const text = `update numbers set value = value + 1 where name = 'write_checks'`;
    try {
      if (this.#lastWriteFailed) connection.run(text);
      connection.run('commit');
      this.#lastWriteFailed = false;
    } catch (error) {
      connection.exec('rollback');
      throw error;
    }
  }

  #close(): void {
    const opened = this.#opened;
    this.#opened = undefined;
    try {
      opened?.close();
    } catch {
      // SQLite has nothing left to write: commits are in the log.
    }
  }

  /** A file that was there must not be replaced by an empty one while the process runs. */
  #assertNotMissing(): void {
    const mustExist = this.#wasOpen || this.#start.role === 'read';
    if (!mustExist || statSync(this.#name, { throwIfNoEntry: false }) !== undefined) return;
    throw new StorageError(`file '${this.#name}': it is missing`, { outcome: 'not-applied' });
  }

  #failureOf(error: unknown): FailedCall {
    if (isSqliteError(error)) return this.#failureOf(storageErrorOf(error, this.#name));
    const failure = failureOf(error instanceof TransactionFailed ? error.error : error);
    if (failure !== undefined) return failure;
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return { kind: 'storage', message: `a fault of the driver: ${text}`, outcome: 'not-applied' };
  }
}

/** Whether the file can serve as it is after a failure of a transaction. */
function leavesOpen(error: unknown): boolean {
  const cause = error instanceof TransactionFailed ? error.error.cause : error;
  return isSqliteError(cause) && LEAVES_OPEN.has(codeOf(cause));
}

function assertFolder(folder: string): void {
  try {
    accessSync(folder, constants.W_OK);
  } catch (error) {
    const text = `folder '${folder}': ${(error as Error).message}`;
    throw new StorageError(text, { outcome: 'not-applied' });
  }
}

import { randomUUID } from 'node:crypto';
import { closeSync, fsyncSync, openSync } from 'node:fs';
import { StorageError } from '@querator/core';
import type { ThreadStart } from '../messages/requests.ts';
import { Connection } from './connection.ts';
import { FileLock } from './file-lock.ts';
import { FileStamp } from './file-stamp.ts';
import { Partitions } from './partitions.ts';
import { prepareSchema } from './schema.ts';
import { Sequence } from './sequence.ts';
import type { Transaction } from './transaction.ts';

/** Pages of the log that may wait for a checkpoint, of 4 KiB each. A commit that passes it moves them to the file. */
const CHECKPOINT_PAGES = 4_000;
/** The log is cut to this size once a large transaction has made it longer. */
const LOG_BYTES = 64_000_000;
/** Memory for pages of the file, in KiB. */
const CACHE_KIB = 32_000;
/** How long to wait for a lock of another program, such as a backup, in ms. */
const BUSY_MS = 5_000;

/** A file that is open, and what belongs to it. */
export interface OpenFile {
  readonly connection: Connection;
  readonly partitions: Partitions;
  readonly sequence: Sequence;
  readonly lineage: Transaction['lineage'];
  /** Waits until the disk has everything that was committed. */
  sync(): void;
  /** @throws StorageError if the file is not at its place any more. */
  assertInPlace(): void;
  close(): void;
}

/**
 * Opens the file of a storage. The role `write` takes the lock, and makes a file that is
 * missing.
 *
 * @throws StorageError, or an error of SQLite.
 */
export function openFile(file: string, { durability, role, seed }: ThreadStart): OpenFile {
  const lock = role === 'write' ? new FileLock(file) : undefined;
  let connection: Connection | undefined;
  try {
    connection = new Connection(file);
    connection.exec('pragma temp_store = memory');
    connection.exec(`pragma busy_timeout = ${BUSY_MS}; pragma cache_size = -${CACHE_KIB}`);
    if (role === 'read') connection.exec('pragma query_only = 1');
    else prepareToWrite(connection, file, durability);
    const stamp = new FileStamp(file);
    const opened = connection;
    return {
      connection,
      partitions: new Partitions(connection),
      sequence: new Sequence(connection, seed),
      lineage: lineageOf(connection, durability),
      sync: () => {
        if (durability !== 'full') syncLog(file);
      },
      assertInPlace: () => stamp.assertSame(),
      close: () => {
        opened.close();
        lock?.release();
      },
    };
  } catch (error) {
    connection?.close();
    lock?.release();
    throw error;
  }
}

/** A crash of the machine may take commits back only if they did not wait for the disk. */
function lineageOf(connection: Connection, durability: ThreadStart['durability']): string {
  const row = connection.get<{ value: bigint }>(`select value from numbers where name = 'file'`);
  const file = `${row?.value ?? 0n}`;
  return durability === 'full' ? file : `${file}/${randomUUID()}`;
}

/** What was moved from the log to the file is on the disk already. */
function syncLog(file: string): void {
  const log = openSync(`${file}-wal`, 'r+');
  try {
    fsyncSync(log);
  } finally {
    closeSync(log);
  }
}

function prepareToWrite(connection: Connection, file: string, durability: ThreadStart['durability']): void {
  // Has an effect only before the first table is made. Housekeeping gives free pages back.
  connection.exec('pragma auto_vacuum = incremental');
  const mode = connection.get<{ journal_mode: string }>('pragma journal_mode = wal')?.journal_mode;
  if (mode !== 'wal') {
    const text = `file '${file}': SQLite cannot keep a write-ahead log there; use a local disk`;
    throw new StorageError(text, { outcome: 'not-applied' });
  }
  connection.exec(`pragma synchronous = ${durability}`);
  // On macOS an fsync alone does not reach the disk. Elsewhere these have no effect.
  connection.exec('pragma fullfsync = 1; pragma checkpoint_fullfsync = 1');
  connection.exec(
    `pragma wal_autocheckpoint = ${CHECKPOINT_PAGES}; pragma journal_size_limit = ${LOG_BYTES}`,
  );
  prepareSchema(connection, file);
  // After a commit that failed on its way to the disk, the log may hold what only the cache of the
  // operating system has. Copied to the file and synced, it is durable before anything builds on it.
  connection.get('pragma wal_checkpoint(truncate)');
}

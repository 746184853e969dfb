import { closeSync, existsSync, fsyncSync, openSync, rmSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { type StorageBackup, StorageError } from '@querator/core';
import { Connection } from '../file/connection.ts';
import { fileAt } from '../file/file-at.ts';
import { assertOurs } from '../file/schema.ts';
import { codeOf, isSqliteError, SQLITE, storageErrorOf } from '../file/sqlite-error.ts';
import type { SqliteConfig } from '../settings/config.ts';
import { publish } from './publish.ts';

/** How long to wait for a lock of the server, in ms: it holds some for moments. */
const BUSY_MS = 30_000;

/** The backup of the file of a storage. It reads one state of the file, and the server goes on. */
export function sqliteBackup({ path }: Pick<SqliteConfig, 'path'>): StorageBackup {
  const source = resolve(fileAt(path));
  return { source, write: async (target) => writeBackup(source, target) };
}

function writeBackup(source: string, target: string): number {
  if (!existsSync(source)) throw failed(`file '${source}': it is missing`);
  if (existsSync(target)) throw exists(target);
  const draft = `${target}.partial`;
  createDraft(draft);
  try {
    copy(source, draft);
    const { size } = statSync(draft);
    syncPath(draft);
    publish(draft, target);
    syncPath(dirname(resolve(target)));
    return size;
  } catch (error) {
    for (const suffix of ['', '-journal', '-wal', '-shm']) rmSync(draft + suffix, { force: true });
    if (error instanceof StorageError) throw error;
    if (isSqliteError(error)) throw storageErrorOf(error, isOfSource(codeOf(error)) ? source : target);
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') throw exists(target);
    throw failed(`file '${target}': ${(error as Error).message}`, error);
  }
}

/** Made by this call, so that nothing else is overwritten or removed. */
function createDraft(draft: string): void {
  try {
    // As private as the items.
    closeSync(openSync(draft, 'wx', 0o600));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') {
      throw failed(`file '${draft}': ${(error as Error).message}`, error);
    }
    throw failed(
      `file '${draft}': it exists; another backup writes it, or was killed: then delete it`,
      error,
    );
  }
}

function copy(source: string, draft: string): void {
  withConnection(source, (connection) => {
    connection.exec(`pragma busy_timeout = ${BUSY_MS}`);
    assertOurs(connection, source);
    connection.run('vacuum into ?', draft);
  });
  withConnection(draft, (connection) => {
    // A log beside the copy would be a part of it.
    connection.get('pragma journal_mode = delete');
    // A partition that moves begins anew after this copy took the place of the file: it may lack changes.
    connection.run(`update numbers set value = random() where name = 'file'`);
    const faults = connection.all<{ quick_check: string }>('pragma quick_check(1)');
    if (faults[0]?.quick_check !== 'ok')
      throw failed(`file '${source}': it is damaged; restore an earlier backup`);
  });
}

function withConnection(file: string, work: (connection: Connection) => void): void {
  const connection = new Connection(file);
  try {
    work(connection);
  } finally {
    connection.close();
  }
}

/** Waits until the disk has a file, or the names in a folder. */
function syncPath(path: string): void {
  const opened = openSync(path, 'r');
  try {
    fsyncSync(opened);
  } finally {
    closeSync(opened);
  }
}

/** Whether a failure of SQLite concerns what it reads. */
function isOfSource(code: number): boolean {
  return code === SQLITE.CORRUPT || code === SQLITE.NOTADB || code === SQLITE.BUSY;
}

function exists(target: string): StorageError {
  return failed(`file '${target}': it exists already, and a backup overwrites nothing`);
}

function failed(message: string, cause?: unknown): StorageError {
  return new StorageError(message, { outcome: 'not-applied', cause });
}

import { readFileSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import process from 'node:process';
import { StorageError } from '@querator/core';
import { Connection } from './connection.ts';
import { codeOf, isSqliteError, SQLITE } from './sqlite-error.ts';

/** The names of the files beside the database. */
const LOCK = '-lock';
const HOLDER = '-holder';

/**
 * The right of one process to use a file. SQLite's lock on an empty file beside it: the
 * operating system ends it with the process, however that ends.
 *
 * The name of the holder is in a file of its own. No process may open the locked file by
 * other means: when it closes it, POSIX ends all its locks on it.
 */
export class FileLock {
  readonly #lock: Connection;

  /** @throws StorageError if another process, or another storage of this one, has the file. */
  constructor(file: string) {
    this.#lock = new Connection(file + LOCK);
    try {
      this.#lock.exec('begin exclusive');
    } catch (error) {
      this.#lock.close();
      throw isSqliteError(error) && codeOf(error) === SQLITE.BUSY ? inUse(file) : error;
    }
    nameHolder(file);
  }

  release(): void {
    this.#lock.close();
  }
}

/** The name is a help for people: a full disk must not keep the file from being read. */
function nameHolder(file: string): void {
  try {
    writeFileSync(file + HOLDER, `process ${process.pid} on ${hostname()}\n`);
  } catch {}
}

function inUse(file: string): StorageError {
  const text = `file '${file}': ${holderOf(file)} uses it; one process at a time may, and one storage of it`;
  return new StorageError(text, { outcome: 'not-applied' });
}

function holderOf(file: string): string {
  try {
    return readFileSync(file + HOLDER, 'utf8').trim() || 'another process';
  } catch {
    return 'another process';
  }
}

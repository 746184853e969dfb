import { existsSync } from 'node:fs';
import { StorageError } from '@querator/core';
import { Connection } from '../file/connection.ts';
import { assertOurs } from '../file/schema.ts';
import { codeOf, isSqliteError, SQLITE, storageErrorOf } from '../file/sqlite-error.ts';

/** How long to wait for a lock of the server, in ms: it holds some for moments. */
const BUSY_MS = 30_000;

/** What a copy reads and writes. */
export interface CopyOrder {
  readonly source: string;
  /** An empty file. */
  readonly draft: string;
}

/**
 * Copies one state of the file of a storage, and checks the copy.
 *
 * @throws StorageError
 */
export function copyFile({ source, draft }: CopyOrder): void {
  try {
    copy(source, draft);
  } catch (error) {
    if (!isSqliteError(error)) throw error;
    throw storageErrorOf(error, isOfSource(codeOf(error)) ? source : draft);
  }
}

function copy(source: string, draft: string): void {
  withConnection(source, (connection) => {
    // Otherwise SQLite would make the draft of a backup that was interrupted again.
    if (!existsSync(draft)) throw new StorageError(`file '${draft}': it is gone`, { outcome: 'not-applied' });
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
    if (faults[0]?.quick_check === 'ok') return;
    const message = `file '${source}': it is damaged; restore an earlier backup`;
    throw new StorageError(message, { outcome: 'not-applied' });
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

/** Whether a failure of SQLite concerns what it reads. */
function isOfSource(code: number): boolean {
  return code === SQLITE.CORRUPT || code === SQLITE.NOTADB || code === SQLITE.BUSY;
}

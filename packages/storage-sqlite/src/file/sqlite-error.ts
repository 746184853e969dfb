import { StorageError } from '@querator/core';

/** What `node:sqlite` throws when SQLite fails. */
export interface SqliteError extends Error {
  /** SQLite's extended code of the result. */
  readonly errcode: number;
  /** SQLite's text for the code. */
  readonly errstr: string;
}

/** SQLite's codes of results, without the bits that tell the place of a failure. */
export const SQLITE = {
  BUSY: 5,
  READONLY: 8,
  IOERR: 10,
  CORRUPT: 11,
  FULL: 13,
  CANTOPEN: 14,
  CONSTRAINT: 19,
  TOOBIG: 18,
  NOTADB: 26,
} as const;

const PRIMARY_CODE = 0xff;

export function isSqliteError(error: unknown): error is SqliteError {
  return error instanceof Error && 'errcode' in error;
}

/** The code of a failure, one of {@link SQLITE} among others. */
export function codeOf({ errcode }: SqliteError): number {
  return errcode & PRIMARY_CODE;
}

/** For operators: what is wrong with the file, and what they can do. */
const MEANINGS: ReadonlyMap<number, string> = new Map([
  [SQLITE.READONLY, 'it cannot be written; check its owner, its permissions and how its disk is mounted'],
  [SQLITE.IOERR, 'the disk failed'],
  [SQLITE.CORRUPT, 'it is damaged; restore it from a backup'],
  [SQLITE.FULL, 'the disk is full'],
  [SQLITE.CANTOPEN, 'it cannot be opened or created; check that its folder exists and its permissions'],
  [SQLITE.NOTADB, 'it is not a SQLite database, or it is damaged'],
]);

/**
 * A failure of SQLite as an error of the ports. SQLite's own text names tables and
 * columns, but no contents.
 *
 * @param duringCommit whether a commit failed. If the disk failed in the middle of it, the
 *   next start may find it complete.
 */
export function storageErrorOf(error: SqliteError, file: string, duringCommit = false): StorageError {
  const code = codeOf(error);
  const meaning = MEANINGS.get(code);
  const text = meaning === undefined ? error.errstr : `${meaning} (${error.errstr})`;
  const outcome = duringCommit && code === SQLITE.IOERR ? 'unknown' : 'not-applied';
  return new StorageError(`file '${file}': ${text}`, { outcome, cause: error });
}

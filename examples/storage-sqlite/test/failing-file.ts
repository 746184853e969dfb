import { DatabaseSync } from 'node:sqlite';

const FULL = 13;
const IO_ERROR = 10;

/** What becomes of commits. */
type CommitFault = 'none' | 'refused' | 'not-told';

/** A file of SQLite whose commits fail when a test wants it. */
export class FailingFile extends DatabaseSync {
  /** Of further commits. */
  fault: CommitFault = 'none';
  /** Called after each commit. */
  committed = () => {};

  override exec(sql: string): void {
    if (sql === 'commit' && this.fault === 'refused') throw sqliteError('database or disk is full', FULL);
    super.exec(sql);
    if (sql === 'commit') this.committed();
    if (sql === 'commit' && this.fault === 'not-told') throw sqliteError('disk I/O error', IO_ERROR);
  }
}

/** An error as `node:sqlite` throws it. */
function sqliteError(message: string, errcode: number): Error {
  return Object.assign(new Error(message), { code: 'ERR_SQLITE_ERROR', errcode });
}

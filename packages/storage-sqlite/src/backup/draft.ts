import { closeSync, fstatSync, openSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import process from 'node:process';
import { StorageError } from '@querator/core';

/** The process that writes a draft. */
interface Owner {
  readonly host: string;
  readonly pid: number;
}

/** The drafts that this process writes. */
const ours = new Set<string>();

/** A copy that is not complete yet, beside its target. A file next to it names the process that writes it. */
export class Draft {
  readonly path: string;
  readonly #owner: string;
  readonly #inode: bigint;

  /**
   * Makes an empty draft. Replaces one of a process of this machine that has ended.
   *
   * @throws StorageError if there is a draft of another process, or none can be made.
   */
  constructor(target: string) {
    this.path = `${target}.partial`;
    this.#owner = `${this.path}-owner`;
    if (this.#isLeftBehind()) this.#removeFiles();
    this.#inode = createFile(this.path);
    ours.add(this.path);
    try {
      const owner: Owner = { host: hostname(), pid: process.pid };
      writeFileSync(this.#owner, JSON.stringify(owner), { mode: 0o600 });
    } catch (error) {
      this.remove();
      throw failed(this.path, (error as Error).message, error);
    }
  }

  /** @throws StorageError if another process has replaced it. */
  checkIsOurs(): void {
    if (this.#found() !== this.#inode) throw failed(this.path, 'another backup has replaced it');
  }

  /** Removes what is left of it. Does not wait, so that a handler of a signal may call it. */
  remove(): void {
    if (!ours.delete(this.path)) return;
    const found = this.#found();
    if (found === undefined || found === this.#inode) this.#removeFiles();
  }

  /** The inode of the file that has its name now. */
  #found(): bigint | undefined {
    return statSync(this.path, { bigint: true, throwIfNoEntry: false })?.ino;
  }

  #removeFiles(): void {
    for (const suffix of ['', '-journal', '-wal', '-shm']) rmSync(this.path + suffix, { force: true });
    rmSync(this.#owner, { force: true });
  }

  #isLeftBehind(): boolean {
    if (ours.has(this.path)) return false;
    const owner = readOwner(this.#owner);
    return owner?.host === hostname() && (owner.pid === process.pid || !isAlive(owner.pid));
  }
}

function readOwner(file: string): Owner | undefined {
  try {
    const { host, pid } = JSON.parse(readFileSync(file, 'utf8')) as Partial<Owner>;
    return typeof host === 'string' && Number.isSafeInteger(pid) ? { host, pid: pid as number } : undefined;
  } catch {
    return undefined;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}

/** @returns its inode. */
function createFile(path: string): bigint {
  try {
    // As private as the items.
    const opened = openSync(path, 'wx', 0o600);
    const { ino } = fstatSync(opened, { bigint: true });
    closeSync(opened);
    return ino;
  } catch (error) {
    const isThere = (error as NodeJS.ErrnoException).code === 'EEXIST';
    const why = 'it exists; another backup writes it, or was killed: then delete it';
    throw failed(path, isThere ? why : (error as Error).message, error);
  }
}

function failed(path: string, why: string, cause?: unknown): StorageError {
  return new StorageError(`file '${path}': ${why}`, { outcome: 'not-applied', cause });
}

import { closeSync, existsSync, fsyncSync, openSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { type StorageBackup, StorageError } from '@querator/core';
import { fileAt } from '../file/file-at.ts';
import type { SqliteConfig } from '../settings/config.ts';
import { copyInThread } from './copy-thread.ts';
import { Draft } from './draft.ts';
import { publish } from './publish.ts';

/** The backup of the file of a storage. It reads one state of the file, and the server goes on. */
export function sqliteBackup({ path }: Pick<SqliteConfig, 'path'>): StorageBackup {
  const source = resolve(fileAt(path));
  return { source, write: (target, signal) => writeBackup(source, target, signal) };
}

async function writeBackup(source: string, target: string, signal?: AbortSignal): Promise<number> {
  signal?.throwIfAborted();
  if (!existsSync(source)) throw failed(`file '${source}': it is missing`);
  if (existsSync(target)) throw exists(target);
  const draft = new Draft(target);
  const remove = () => draft.remove();
  signal?.addEventListener('abort', remove, { once: true });
  try {
    await copyInThread({ source, draft: draft.path }, signal);
    const { size } = statSync(draft.path);
    syncPath(draft.path);
    draft.checkIsOurs();
    publish(draft.path, target);
    syncPath(dirname(resolve(target)));
    return size;
  } catch (error) {
    if (error instanceof StorageError || signal?.aborted === true) throw error;
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') throw exists(target);
    throw failed(`file '${target}': ${(error as Error).message}`, error);
  } finally {
    signal?.removeEventListener('abort', remove);
    remove();
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

function exists(target: string): StorageError {
  return failed(`file '${target}': it exists already, and a backup overwrites nothing`);
}

function failed(message: string, cause?: unknown): StorageError {
  return new StorageError(message, { outcome: 'not-applied', cause });
}

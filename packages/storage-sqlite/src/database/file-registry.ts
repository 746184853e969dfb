import { resolve } from 'node:path';
import type { Random } from '@querator/core';
import type { ThreadStart } from '../messages/requests.ts';
import { StorageThread } from './storage-thread.ts';
import { ThreadCalls } from './thread-calls.ts';

/** The characters of a seed: more than 256 random bits. */
const SEED_LENGTH = 64;

/** A file, and what uses it. */
interface SharedFile {
  readonly writes: ThreadCalls;
  readonly reads: ThreadCalls;
  users: number;
}

/** A storage's share of a file. */
export interface FileShare extends Pick<SharedFile, 'writes' | 'reads'> {
  /** Gives the share back. The last one closes the file, once its calls have ended. */
  release(): Promise<void>;
}

/** Which file, and how it is opened. */
export type FileSettings = Pick<ThreadStart, 'path' | 'durability'>;

/**
 * The files of a program: one pair of threads for each, however many storages use it. So the
 * settings of queues and the items may be in one file. The program makes one registry and
 * gives it to all its storages.
 */
export class FileRegistry {
  readonly #files = new Map<string, SharedFile>();

  /**
   * A share of a file. Opens nothing; the first call does.
   *
   * @param random the source of the random parts of ids.
   */
  share({ path, durability }: FileSettings, random: Random): FileShare {
    const key = `${durability}:${resolve(path)}`;
    const file = this.#files.get(key) ?? newFile({ path, durability }, random);
    this.#files.set(key, file);
    file.users++;
    const release = async () => {
      file.users--;
      if (file.users > 0) return;
      if (this.#files.get(key) === file) this.#files.delete(key);
      await file.reads.close();
      await file.writes.close();
    };
    return { writes: file.writes, reads: file.reads, release };
  }
}

function newFile(settings: FileSettings, random: Random): SharedFile {
  const callsOf = (role: ThreadStart['role']) =>
    new ThreadCalls(() => new StorageThread({ ...settings, role, seed: random.base62(SEED_LENGTH) }));
  return { writes: callsOf('write'), reads: callsOf('read'), users: 0 };
}

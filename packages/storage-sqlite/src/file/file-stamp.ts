import { statSync } from 'node:fs';
import { StorageError } from '@querator/core';

/**
 * Tells whether the file at a path is the one that was opened. A file that was moved,
 * replaced or deleted could still be written, but the next start would not find it.
 */
export class FileStamp {
  readonly #path: string;
  readonly #stamp: string;

  constructor(path: string) {
    this.#path = path;
    this.#stamp = stampOf(path);
  }

  /** @throws StorageError if it is another file, or gone. */
  assertSame(): void {
    if (stampOf(this.#path) === this.#stamp) return;
    const text = `file '${this.#path}': it was moved, replaced or deleted while it was in use`;
    throw new StorageError(text, { outcome: 'not-applied' });
  }
}

function stampOf(path: string): string {
  const stats = statSync(path, { throwIfNoEntry: false });
  return stats === undefined ? 'none' : `${stats.dev}/${stats.ino}`;
}

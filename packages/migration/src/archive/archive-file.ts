import { createReadStream } from 'node:fs';
import { open, readFile, rename, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import * as zlib from 'node:zlib';
import { ArchiveFault } from './archive-fault.ts';
import type { ArchiveSink, ResumePoint } from './archive-writer.ts';
import { checkZstd } from './decompressed.ts';

/** What stands in the file beside an archive that is not complete. */
interface Progress {
  /** The bytes of the archive that are durable. */
  readonly bytes: number;
  /** Undefined: there is no part yet. */
  readonly resume?: ResumePoint | undefined;
}

/** The file beside an archive that is not complete yet. */
export function progressFileOf(file: string): string {
  return `${file}.resume`;
}

/**
 * An archive as a file, compressed if its name ends in `.zst`. Each part is a frame of
 * its own: what was written before a crash stays readable. Behind the last durable part
 * there may be a piece of another one, which resuming cuts off. The file is open only
 * while a part is written, so there is nothing to close.
 */
export class ArchiveFile implements ArchiveSink {
  readonly #file: string;
  #bytes: number;

  private constructor(file: string, bytes: number) {
    this.#file = file;
    this.#bytes = bytes;
  }

  /** Begins an archive. @throws ArchiveFault if the file exists. */
  static async create(file: string): Promise<ArchiveFile> {
    if (isCompressed(file)) checkZstd();
    if ((await readProgress(file)) !== undefined || (await stat(file).catch(() => undefined)) !== undefined) {
      throw new ArchiveFault(`${file} exists; resume the export that wrote it, or delete it`);
    }
    // First, so that no crash leaves an archive that looks complete.
    await writeProgress(file, { bytes: 0 });
    await writeFile(file, '');
    return new ArchiveFile(file, 0);
  }

  /**
   * Goes on with an archive that is not complete.
   *
   * @returns undefined if it is complete. `from` is undefined if it has no part yet.
   * @throws ArchiveFault if there is no such archive, or it lost a part.
   */
  static async resume(
    file: string,
  ): Promise<{ readonly archive: ArchiveFile; readonly from: ResumePoint | undefined } | undefined> {
    const progress = await readProgress(file);
    if (progress === undefined) {
      if ((await stat(file).catch(() => undefined)) !== undefined) return undefined;
      throw new ArchiveFault(`${file} does not exist`);
    }
    if (isCompressed(file)) checkZstd();
    if (progress.bytes === 0) await writeFile(file, '');
    const { size } = await stat(file);
    if (size < progress.bytes) {
      throw new ArchiveFault(`${file} has ${size} bytes, and ${progress.bytes} were written`);
    }
    await truncate(file, progress.bytes);
    return { archive: new ArchiveFile(file, progress.bytes), from: progress.resume };
  }

  async append(part: Uint8Array, resume: ResumePoint): Promise<void> {
    await this.#write(part);
    await writeProgress(this.#file, { bytes: this.#bytes, resume });
  }

  async finish(part: Uint8Array): Promise<void> {
    await this.#write(part);
    await rm(progressFileOf(this.#file), { force: true });
  }

  async #write(part: Uint8Array): Promise<void> {
    const bytes = isCompressed(this.#file) ? await compress(part) : part;
    const handle = await open(this.#file, 'r+');
    try {
      let written = 0;
      while (written < bytes.length) {
        const rest = bytes.length - written;
        written += (await handle.write(bytes, written, rest, this.#bytes + written)).bytesWritten;
      }
      await handle.datasync();
    } finally {
      await handle.close();
    }
    this.#bytes += bytes.length;
  }
}

/** The bytes of an archive. */
export function archiveBytes(file: string): AsyncIterable<Uint8Array> {
  return createReadStream(file);
}

function isCompressed(file: string): boolean {
  return file.endsWith('.zst');
}

function compress(part: Uint8Array): Promise<Uint8Array> {
  const params = { [zlib.constants.ZSTD_c_checksumFlag]: 1 };
  return promisify(zlib.zstdCompress)(part, { params });
}

async function readProgress(file: string): Promise<Progress | undefined> {
  try {
    return JSON.parse(await readFile(progressFileOf(file), 'utf8')) as Progress;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** After a crash the file has the old or the new contents. */
async function writeProgress(file: string, progress: Progress): Promise<void> {
  const draft = `${progressFileOf(file)}.new`;
  const handle = await open(draft, 'w');
  try {
    await handle.writeFile(JSON.stringify(progress));
    await handle.datasync();
  } finally {
    await handle.close();
  }
  await rename(draft, progressFileOf(file));
}

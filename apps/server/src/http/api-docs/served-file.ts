import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { Page, PageRequest } from '../fetch/pages.ts';

/** A file that is served as it is. */
interface LoadedFile {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly etag: string;
}

/**
 * A file of the program, read at the first request and kept in memory from then on.
 * A client that has it already gets 304 without a body.
 */
export class ServedFile {
  readonly #locate: () => string;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #contentType: string;
  #loading: Promise<LoadedFile> | undefined;

  /**
   * @param locate the path of the file. Called at the first request.
   * @param headers of the reply, besides those that every file has.
   */
  constructor(
    locate: () => string,
    {
      contentType,
      headers,
    }: { readonly contentType: string; readonly headers: Readonly<Record<string, string>> },
  ) {
    this.#locate = locate;
    this.#contentType = contentType;
    this.#headers = headers;
  }

  /** Rejects if the file cannot be read. The next request then tries again. */
  async show({ ifNoneMatch }: PageRequest): Promise<Page> {
    const { bytes, etag } = await this.#file();
    // A copy that a browser has may be of another version of the server: it must ask each time.
    const headers = { ...this.#headers, ETag: etag, 'Cache-Control': 'no-cache' };
    const page = { text: bytes, contentType: this.#contentType, headers };
    return hasTag(ifNoneMatch, etag) ? { ...page, status: 304 } : page;
  }

  #file(): Promise<LoadedFile> {
    this.#loading ??= load(this.#locate).catch((error: unknown) => {
      this.#loading = undefined;
      throw error;
    });
    return this.#loading;
  }
}

async function load(locate: () => string): Promise<LoadedFile> {
  const bytes = new Uint8Array(await readFile(locate()));
  const hash = createHash('sha256').update(bytes).digest('base64url');
  return { bytes, etag: `"${hash}"` };
}

/** Whether the list of `If-None-Match` has the tag. A proxy that compresses makes a tag weak. */
function hasTag(list: string | undefined, etag: string): boolean {
  if (list === undefined) return false;
  return list.split(',').some((given) => ['*', etag].includes(given.trim().replace(/^W\//, '')));
}

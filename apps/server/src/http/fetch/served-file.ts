import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { Page, PageRequest } from './pages.ts';

/** A file that is served as it is. */
interface LoadedFile {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly etag: string;
  /** The same, compressed. Undefined: it is not served so. */
  readonly compressed: Uint8Array<ArrayBuffer> | undefined;
}

/** How a file is served. */
export interface ServedFileOptions {
  readonly contentType: string;
  /** Headers of the reply, besides those that every file has. */
  readonly headers: Readonly<Record<string, string>>;
  /** Default: a client that has the file asks each time whether it is still the same. */
  readonly cacheControl?: string;
  /** Whether a client that can gets it compressed. Default: false. */
  readonly compress?: boolean;
}

const compressBytes = promisify(gzip);

/**
 * A file of the program, read at the first request and kept in memory from then on.
 * A client that has it already gets 304 without a body.
 */
export class ServedFile {
  readonly #locate: () => string;
  readonly #options: ServedFileOptions;
  #loading: Promise<LoadedFile> | undefined;

  /** @param locate the path of the file. Called at the first request. */
  constructor(locate: () => string, options: ServedFileOptions) {
    this.#locate = locate;
    this.#options = options;
  }

  /** Rejects if the file cannot be read. The next request then tries again. */
  async show({ ifNoneMatch, acceptEncoding }: PageRequest): Promise<Page> {
    const { bytes, compressed, etag } = await this.#file();
    // A copy that a browser has may be of another version of the server.
    const { contentType, cacheControl = 'no-cache', headers } = this.#options;
    const sent = { ...headers, ETag: etag, 'Cache-Control': cacheControl };
    const page =
      compressed === undefined
        ? { text: bytes, contentType, headers: sent }
        : encoded({ bytes, compressed }, acceptEncoding, { contentType, headers: sent });
    return hasTag(ifNoneMatch, etag) ? { ...page, status: 304 } : page;
  }

  #file(): Promise<LoadedFile> {
    this.#loading ??= load(this.#locate, this.#options.compress === true).catch((error: unknown) => {
      this.#loading = undefined;
      throw error;
    });
    return this.#loading;
  }
}

function encoded(
  { bytes, compressed }: { readonly [Key in 'bytes' | 'compressed']: Uint8Array<ArrayBuffer> },
  acceptEncoding: string | undefined,
  { contentType, headers }: { readonly contentType: string; readonly headers: Record<string, string> },
): Page {
  const varied = { ...headers, Vary: 'Accept-Encoding' };
  if (acceptEncoding === undefined || !/\bgzip\b(?!;q=0(?![.]\d*[1-9]))/.test(acceptEncoding)) {
    return { text: bytes, contentType, headers: varied };
  }
  return { text: compressed, contentType, headers: { ...varied, 'Content-Encoding': 'gzip' } };
}

async function load(locate: () => string, compress: boolean): Promise<LoadedFile> {
  const bytes = new Uint8Array(await readFile(locate()));
  const hash = createHash('sha256').update(bytes).digest('base64url');
  if (!compress) return { bytes, etag: `"${hash}"`, compressed: undefined };
  const compressed = new Uint8Array(await compressBytes(bytes, { level: 9 }));
  // A weak tag: it stands for the same file in either encoding.
  return { bytes, etag: `W/"${hash}"`, compressed };
}

/** Whether the list of `If-None-Match` has the tag. Weak tags are compared as strong ones. */
function hasTag(list: string | undefined, etag: string): boolean {
  if (list === undefined) return false;
  const strong = etag.replace(/^W\//, '');
  return list.split(',').some((given) => ['*', strong].includes(given.trim().replace(/^W\//, '')));
}

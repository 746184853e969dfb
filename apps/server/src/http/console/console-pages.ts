import { readdir } from 'node:fs/promises';
import { extname, join, sep } from 'node:path';
import { consolePages } from '@querator/protocol';
import type { Page, PageRequest, PagesBelow } from '../fetch/pages.ts';
import { ServedFile } from '../fetch/served-file.ts';

/** What the page of the console needs to know before anybody has logged in. It is public. */
export interface ConsoleSettings {
  readonly version: string;
  /** Whether there is something to log in to. */
  readonly accessControl: boolean;
  /** Whether the page of the API is served. */
  readonly apiDocs: boolean;
}

const INDEX = 'index.html';
/** The settings, as JSON. */
const SETTINGS = 'config.json';

/** The build puts a hash of their contents into the names of these files. */
const HASHED = 'assets/';
const FOREVER = 'public, max-age=31536000, immutable';

const TYPES: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.ico': 'image/x-icon',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
  '.webmanifest': 'application/manifest+json',
  '.woff2': 'font/woff2',
};
const COMPRESSED_ALREADY = new Set(['.png', '.woff2']);

/** What a browser may do on the pages of the console: load their files, and call this server. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
  "form-action 'none'",
].join('; ');

const HEADERS = {
  'Content-Security-Policy': POLICY,
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
};

/** The page of the console, and its files. They hold no data, so everybody may have them. */
export class ConsolePages implements PagesBelow {
  readonly path: string;
  readonly #folder: string;
  readonly #settings: string;
  #loading: Promise<ReadonlyMap<string, ServedFile>> | undefined;

  /**
   * @param path where the page is, such as `/console`.
   * @param folder the built page. It is read at the first request.
   */
  constructor(path: string, folder: string, { version, accessControl, apiDocs }: ConsoleSettings) {
    this.path = path;
    this.#folder = folder;
    // Relative to the page: a proxy may add a prefix that this server does not know.
    const root = '../'.repeat(path.split('/').length - 1);
    this.#settings = JSON.stringify({
      version,
      access_control: accessControl,
      api: root,
      docs: apiDocs ? `${root}docs` : '',
    });
  }

  async show(name: string | undefined, request: PageRequest): Promise<Page | undefined> {
    if (name === undefined) return this.#addSlash();
    if (name === SETTINGS) return this.#showSettings();
    const file = (await this.#files()).get(name === '' ? INDEX : name);
    return file?.show(request);
  }

  /** Without the slash at its end, the addresses in the page would lead elsewhere. */
  #addSlash(): Page {
    const [last = ''] = this.path.split('/').slice(-1);
    return {
      status: 302,
      text: '',
      contentType: consolePages[''].contentType,
      headers: { ...HEADERS, Location: `${last}/` },
    };
  }

  #showSettings(): Page {
    return {
      text: this.#settings,
      contentType: consolePages['/config.json'].contentType,
      headers: { ...HEADERS, 'Cache-Control': 'no-cache' },
    };
  }

  /** Only files that are in the folder are served, so no name leads out of it. */
  #files(): Promise<ReadonlyMap<string, ServedFile>> {
    this.#loading ??= filesIn(this.#folder).catch((error: NodeJS.ErrnoException) => {
      this.#loading = undefined;
      // A clone has no page before it was built.
      if (error.code === 'ENOENT') return new Map();
      throw error;
    });
    return this.#loading;
  }
}

async function filesIn(folder: string): Promise<ReadonlyMap<string, ServedFile>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }): [string, ServedFile] => {
      const path = join(parentPath, name);
      const served = path.slice(join(folder, '/').length).split(sep).join('/');
      return [served, fileOf(path, served)];
    });
  return new Map(files);
}

function fileOf(path: string, served: string): ServedFile {
  const extension = extname(path);
  return new ServedFile(() => path, {
    contentType: TYPES[extension] ?? 'application/octet-stream',
    headers: HEADERS,
    compress: !COMPRESSED_ALREADY.has(extension),
    ...(served.startsWith(HASHED) && { cacheControl: FOREVER }),
  });
}

import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { apiDocsPages } from '@querator/protocol';
import { type Pages, pagesOf, type ShowPage } from '../fetch/pages.ts';
import { ServedFile } from '../fetch/served-file.ts';
import { PAGE_STYLE, START_SCRIPT, VIEWER_PAGE } from './viewer-page.ts';

const { resolve } = createRequire(import.meta.url);

/** What a browser may do on the page of the API: load its own files, and call its own server. */
const PAGE_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

const FILE_HEADERS = { 'X-Content-Type-Options': 'nosniff', 'Cross-Origin-Resource-Policy': 'same-origin' };

const PAGE_HEADERS = {
  ...FILE_HEADERS,
  'Content-Security-Policy': PAGE_POLICY,
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Referrer-Policy': 'no-referrer',
};

type Path = keyof typeof apiDocsPages;

/**
 * The description of the API: as an OpenAPI document for programs, and as a page for
 * people. Both are the same on every server of a version, and hold nothing of its own.
 */
export function createApiDocs(): Pages {
  return pagesOf(apiDocsPages, {
    '/openapi.json': file('/openapi.json', () => resolve('@querator/protocol/openapi.json')),
    '/docs': text('/docs', VIEWER_PAGE, PAGE_HEADERS),
    '/docs/page.css': text('/docs/page.css', PAGE_STYLE),
    '/docs/start.js': text('/docs/start.js', START_SCRIPT),
    '/docs/viewer.css': file('/docs/viewer.css', () => viewerFile('swagger-ui.css')),
    '/docs/viewer.js': file('/docs/viewer.js', () => viewerFile('swagger-ui-bundle.js')),
  });
}

function text(
  path: Path,
  content: string,
  headers: Readonly<Record<string, string>> = FILE_HEADERS,
): ShowPage {
  const { contentType } = apiDocsPages[path];
  return async () => ({ text: content, contentType, headers });
}

function file(path: Path, locate: () => string): ShowPage {
  const served = new ServedFile(locate, { ...apiDocsPages[path], headers: FILE_HEADERS });
  return (request) => served.show(request);
}

/** A file of the viewer. The published package has copies; in a clone they are in a development dependency. */
function viewerFile(name: string): string {
  const copy = fileURLToPath(new URL(`../../viewer/${name}`, import.meta.url));
  return existsSync(copy) ? copy : resolve(`swagger-ui-dist/${name}`);
}

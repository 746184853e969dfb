import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import type { Page, PageRequest, Pages } from '../fetch/pages.ts';
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

const STYLE_TYPE = 'text/css; charset=utf-8';
const SCRIPT_TYPE = 'text/javascript; charset=utf-8';

/**
 * The description of the API: as an OpenAPI document for programs, and as a page for
 * people. Both are the same on every server of a version, and hold nothing of its own.
 */
export function createApiDocs(): Pages {
  const files = [
    file('/openapi.json', () => resolve('@querator/protocol/openapi.json'), 'application/json'),
    file('/docs/viewer.js', () => viewerFile('swagger-ui-bundle.js'), SCRIPT_TYPE),
    file('/docs/viewer.css', () => viewerFile('swagger-ui.css'), STYLE_TYPE),
  ];
  return new Map<string, (request: PageRequest) => Promise<Page>>([
    ...files,
    [
      '/docs',
      async () => ({ text: VIEWER_PAGE, contentType: 'text/html; charset=utf-8', headers: PAGE_HEADERS }),
    ],
    ['/docs/page.css', async () => ({ text: PAGE_STYLE, contentType: STYLE_TYPE, headers: FILE_HEADERS })],
    ['/docs/start.js', async () => ({ text: START_SCRIPT, contentType: SCRIPT_TYPE, headers: FILE_HEADERS })],
  ]);
}

const PAGE_HEADERS = {
  ...FILE_HEADERS,
  'Content-Security-Policy': PAGE_POLICY,
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Referrer-Policy': 'no-referrer',
};

function file(path: string, locate: () => string, contentType: string) {
  const served = new ServedFile(locate, { contentType, headers: FILE_HEADERS });
  return [path, (request: PageRequest) => served.show(request)] as const;
}

/** A file of the viewer. The published package has copies; in a clone they are in a development dependency. */
function viewerFile(name: string): string {
  const copy = fileURLToPath(new URL(`../../viewer/${name}`, import.meta.url));
  return existsSync(copy) ? copy : resolve(`swagger-ui-dist/${name}`);
}

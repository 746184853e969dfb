import type { Permission } from '@querator/core';

/** A page: what a server answers to a `GET` of one path, or of the paths below it. */
export interface PageEndpoint {
  /** As the server sends it. Some pages have others too, as the client asks or by their file. */
  readonly contentType: string;
  /** Where access control is on, a caller needs it. Undefined: everybody may have the page. */
  readonly permission?: Extract<Permission, 'system.health' | 'system.metrics'>;
  /** Whether a caller without the permission gets a part of the page, instead of an error. */
  readonly shownInPart?: true;
}

const HEALTH_TYPE = 'application/health+json';
const STYLE_TYPE = 'text/css; charset=utf-8';
const SCRIPT_TYPE = 'text/javascript; charset=utf-8';
const HTML_TYPE = 'text/html; charset=utf-8';

/** The pages for operators, by path. */
export const operatorPages = {
  '/health': { contentType: HEALTH_TYPE, permission: 'system.health', shownInPart: true },
  '/livez': { contentType: HEALTH_TYPE },
  '/readyz': { contentType: HEALTH_TYPE },
  '/metrics': { contentType: 'text/plain; version=0.0.4; charset=utf-8', permission: 'system.metrics' },
} as const satisfies Readonly<Record<string, PageEndpoint>>;

/** The description of the API, by path. The configuration can switch it off. */
export const apiDocsPages = {
  '/openapi.json': { contentType: 'application/json' },
  '/docs': { contentType: HTML_TYPE },
  '/docs/page.css': { contentType: STYLE_TYPE },
  '/docs/start.js': { contentType: SCRIPT_TYPE },
  '/docs/viewer.css': { contentType: STYLE_TYPE },
  '/docs/viewer.js': { contentType: SCRIPT_TYPE },
} as const satisfies Readonly<Record<string, PageEndpoint>>;

/** The console, by path below the configured one. `{file}` is the name of any file of it. */
export const consolePages = {
  '': { contentType: 'text/plain' },
  '/': { contentType: HTML_TYPE },
  '/config.json': { contentType: 'application/json' },
  '/{file}': { contentType: SCRIPT_TYPE },
} as const satisfies Readonly<Record<string, PageEndpoint>>;

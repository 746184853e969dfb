import type { apiDocsPages, consolePages, operatorPages } from '@querator/protocol';

/** What the document says about a page. */
export interface PageText {
  readonly operationId: string;
  readonly summary: string;
  readonly description: string;
}

const VIEWER = 'A file of the page `/docs`.';
const CONSOLE =
  'Absent where the configuration switches the console off. It can also give the console another path than `/console`.';

/** A page that is missing here does not compile. */
export const OPERATOR_TEXTS: Readonly<Record<keyof typeof operatorPages, PageText>> = {
  '/health': {
    operationId: 'getHealth',
    summary: 'Whether the server and its storages can serve',
    description:
      'Checks each storage at most once a second. Where access control is on, a caller without the permission gets `status` only. With a second port for operators, this page is on that port only.',
  },
  '/livez': {
    operationId: 'getLivez',
    summary: 'Whether the process serves',
    description: 'With a second port for operators, this page is on that port only.',
  },
  '/readyz': {
    operationId: 'getReadyz',
    summary: 'Whether the server can take calls',
    description:
      'It can if queues can be listed and at least one partition storage can serve; with several worker processes, in each of them. With a second port for operators, this page is on that port only.',
  },
  '/metrics': {
    operationId: 'getMetrics',
    summary: 'Metrics in the text format of Prometheus',
    description:
      'With a sampled trace, and if `Accept` asks for it, in the format of OpenMetrics. With a second port for operators, this page is on that port only.',
  },
};

/** A page that is missing here does not compile. */
export const API_DOCS_TEXTS: Readonly<Record<keyof typeof apiDocsPages, PageText>> = {
  '/openapi.json': {
    operationId: 'getOpenApi',
    summary: 'This document',
    description: 'The same on every server of a version. Absent where `api-docs` is `false`.',
  },
  '/docs': {
    operationId: 'getDocs',
    summary: 'The API for people',
    description: 'Absent where `api-docs` is `false`.',
  },
  '/docs/page.css': {
    operationId: 'getDocsPageStyle',
    summary: 'The style of the page',
    description: VIEWER,
  },
  '/docs/start.js': {
    operationId: 'getDocsStart',
    summary: 'The script that starts the viewer',
    description: VIEWER,
  },
  '/docs/viewer.css': {
    operationId: 'getDocsViewerStyle',
    summary: 'The style of the viewer',
    description: VIEWER,
  },
  '/docs/viewer.js': { operationId: 'getDocsViewer', summary: 'The viewer', description: VIEWER },
};

/** A page that is missing here does not compile. */
export const CONSOLE_TEXTS: Readonly<Record<keyof typeof consolePages, PageText>> = {
  '': {
    operationId: 'getConsoleAddress',
    summary: 'Leads to the console',
    description: `Without the slash at its end, the relative addresses of the page would lead elsewhere. ${CONSOLE}`,
  },
  '/': {
    operationId: 'getConsole',
    summary: 'The console for operators',
    description: `The page holds no data: its calls need the key of the viewer. ${CONSOLE}`,
  },
  '/config.json': {
    operationId: 'getConsoleConfig',
    summary: 'What the console must know before anybody has logged in',
    description: CONSOLE,
  },
  '/{file}': {
    operationId: 'getConsoleFile',
    summary: 'A file of the console',
    description: `The page names its files. Their names change from version to version. ${CONSOLE}`,
  },
};

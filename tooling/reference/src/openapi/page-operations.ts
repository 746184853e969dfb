import { apiDocsPages, consolePages, operatorPages, type PageEndpoint } from '@querator/protocol';
import { pageExamples } from '../examples/page-replies.ts';
import type { DocumentedError, ErrorExamples } from './error-examples.ts';
import type { Json } from './field-schema.ts';
import { API_DOCS_TEXTS, CONSOLE_TEXTS, OPERATOR_TEXTS, type PageText } from './page-texts.ts';
import { errorResponses, headerRefs } from './responses.ts';

/** Where the console is by default. */
const CONSOLE = '/console';

/** How a page is answered. */
interface PageReplies {
  /** Statuses with the content of the page, and what each means. */
  readonly shown: Readonly<Record<string, string>>;
  readonly schema: Json;
  readonly examples?: Json;
  /** Media types besides the one of the table. */
  readonly others?: readonly string[];
  /** Statuses without content, with the headers of each. */
  readonly empty?: Readonly<
    Record<string, { readonly description: string; readonly headers: readonly string[] }>
  >;
  readonly headers?: readonly string[];
  readonly parameters?: readonly Json[];
  readonly errors?: readonly DocumentedError[];
  /** The statuses of errors that the page may have besides 403 and 500. */
  readonly refusals?: readonly number[];
}

const TEXT = { type: 'string' };
const HEALTH = { $ref: '#/components/schemas/Health' };
const SHOWN = { '200': 'The page.' };
/** A file that a client may keep. */
const KEPT: Pick<PageReplies, 'headers' | 'empty' | 'parameters'> = {
  headers: ['ETag', 'Cache-Control'],
  empty: {
    '304': { description: 'The client has it already.', headers: ['ETag', 'Cache-Control'] },
  },
  parameters: [
    {
      name: 'If-None-Match',
      in: 'header',
      description: 'The `ETag` of what the client has.',
      schema: { type: 'string' },
    },
  ],
};
const FILE: PageReplies = { shown: SHOWN, schema: TEXT, ...KEPT };

const REQUIREMENT: readonly Json[] = [
  {
    name: 'requireStorage',
    in: 'query',
    description: 'Which checks must pass, besides that queues can be listed.',
    schema: { type: 'string', enum: ['queue-info', 'one', 'all', 'quorum'], default: 'queue-info' },
  },
  {
    name: 'quorum',
    in: 'query',
    description:
      'How many partition storages must serve. It goes with `requireStorage=quorum`, and is needed there.',
    schema: { type: 'integer', minimum: 1, maximum: 999_999 },
  },
];

/** The errors of the query of `/health`. A test compares them with those of a server. */
export const HEALTH_ERRORS: readonly DocumentedError[] = [
  {
    when: '`quorum` is given without `requireStorage=quorum`',
    text: "quorum is invalid; it goes with 'requireStorage=quorum' only",
  },
  {
    when: '`requireStorage` is another word',
    text: "requireStorage is invalid; '<text>' is none of 'all', 'one', 'queue-info' and 'quorum'",
  },
  {
    when: '`quorum` is missing',
    text: 'quorum is invalid; it is missing, expected a number from 1 to <number>',
  },
  {
    when: '`quorum` is no number of partition storages',
    text: "quorum is invalid; '<text>' is out of range, expected a number from 1 to <number>",
  },
];

/** A name that no file has is an unknown path. */
const NO_FILE: readonly DocumentedError[] = [
  { when: 'the console has no such file', text: "http method 'GET' not allowed; only POST" },
];

const OPERATOR_REPLIES: Readonly<Record<keyof typeof operatorPages, PageReplies>> = {
  '/health': {
    shown: {
      '200': 'What was asked can serve.',
      '503': 'It cannot, or the process is shutting down.',
    },
    schema: HEALTH,
    examples: pageExamples('/health'),
    parameters: REQUIREMENT,
    errors: HEALTH_ERRORS,
    refusals: [400],
  },
  '/livez': { shown: { '200': 'The process serves.' }, schema: HEALTH, examples: pageExamples('/readyz') },
  '/readyz': {
    shown: { '200': 'The server can take calls.', '503': 'It cannot, or the process is shutting down.' },
    schema: HEALTH,
    examples: pageExamples('/readyz'),
  },
  '/metrics': {
    shown: SHOWN,
    schema: TEXT,
    examples: pageExamples('/metrics'),
    others: ['application/openmetrics-text'],
    refusals: [401, 429, 454],
  },
};

const API_DOCS_REPLIES: Readonly<Record<keyof typeof apiDocsPages, PageReplies>> = {
  '/openapi.json': { ...FILE, schema: { type: 'object' } },
  '/docs': { shown: SHOWN, schema: TEXT },
  '/docs/page.css': { shown: SHOWN, schema: TEXT },
  '/docs/start.js': { shown: SHOWN, schema: TEXT },
  '/docs/viewer.css': FILE,
  '/docs/viewer.js': FILE,
};

const CONSOLE_REPLIES: Readonly<Record<keyof typeof consolePages, PageReplies>> = {
  '': {
    shown: {},
    schema: TEXT,
    empty: { '302': { description: 'The address with the slash.', headers: ['Location'] } },
  },
  '/': FILE,
  '/config.json': {
    shown: SHOWN,
    schema: { $ref: '#/components/schemas/ConsoleConfig' },
    headers: ['Cache-Control'],
  },
  '/{file}': {
    ...FILE,
    others: ['text/css', 'image/svg+xml', 'image/png', 'image/x-icon', 'font/woff2', 'text/plain'],
    parameters: [
      ...(KEPT.parameters ?? []),
      { name: 'file', in: 'path', required: true, description: 'The name of the file.', schema: TEXT },
    ],
    errors: NO_FILE,
    refusals: [400],
  },
};

/** The tag of pages in the document. */
export const PAGES_TAG = {
  name: 'pages',
  description:
    'Pages for operators, the description of the API, and the console. A `HEAD` gets the headers only.',
};

/** The operations of all pages, by path. */
export function pageOperations(errors: ErrorExamples): Json {
  return {
    ...operationsOf(operatorPages, OPERATOR_TEXTS, OPERATOR_REPLIES, errors),
    ...operationsOf(apiDocsPages, API_DOCS_TEXTS, API_DOCS_REPLIES, errors),
    ...below(CONSOLE, operationsOf(consolePages, CONSOLE_TEXTS, CONSOLE_REPLIES, errors)),
  };
}

function operationsOf<Path extends string>(
  pages: Readonly<Record<Path, PageEndpoint>>,
  texts: Readonly<Record<Path, PageText>>,
  replies: Readonly<Record<Path, PageReplies>>,
  errors: ErrorExamples,
): Json {
  const paths = Object.keys(pages) as Path[];
  return Object.fromEntries(
    paths.map((path) => [path, { get: operationOf(pages[path], texts[path], replies[path], errors) }]),
  );
}

function below(prefix: string, operations: Json): Json {
  return Object.fromEntries(
    Object.entries(operations).map(([path, operation]) => [prefix + path, operation]),
  );
}

function operationOf(page: PageEndpoint, text: PageText, replies: PageReplies, errors: ErrorExamples): Json {
  const { permission, shownInPart } = page;
  const { parameters = [], errors: own = [], refusals = [] } = replies;
  const described = permission === undefined ? 'Needs no permission' : `Permission: \`${permission}\``;
  return {
    operationId: text.operationId,
    tags: [PAGES_TAG.name],
    summary: text.summary,
    description: `${text.description}\n\n${described}.`,
    ...(permission !== undefined && { 'x-permission': permission }),
    ...(shownInPart === true && { 'x-shown-in-part': true }),
    // Where access control is on, other pages are for everybody.
    ...(permission === undefined && { security: [{}] }),
    ...(parameters.length > 0 && { parameters }),
    responses: { ...contents(page, replies), ...refusedResponses(own, refusals, errors) },
  };
}

function contents(
  { contentType }: PageEndpoint,
  { shown, schema, examples, others = [], empty = {}, headers = [] }: PageReplies,
): Json {
  const [type = ''] = contentType.split(';');
  const content = Object.fromEntries(
    [type, ...others].map((each) => [each, { schema, ...(examples !== undefined && { examples }) }]),
  );
  return Object.fromEntries([
    ...Object.entries(shown).map(([status, description]) => [
      status,
      { description, headers: headerRefs(...headers), content },
    ]),
    ...Object.entries(empty).map(([status, each]) => [
      status,
      { description: each.description, headers: headerRefs(...each.headers) },
    ]),
  ]);
}

/** A request may always be refused for its source, and the server may have a fault. */
function refusedResponses(
  own: readonly DocumentedError[],
  more: readonly number[],
  errors: ErrorExamples,
): Json {
  const statuses = new Set([403, 500, ...more].map(String));
  return Object.fromEntries(
    Object.entries(errorResponses(own, errors)).filter(([status]) => statuses.has(status)),
  );
}

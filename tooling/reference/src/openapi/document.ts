import {
  type AnyEndpoint,
  accessEndpoints,
  endpointsV2,
  queueEndpoints,
  queuesEndpoints,
  storageEndpoints,
} from '@querator/protocol';
import { callExamples } from '../examples/call-examples.ts';
import { withBorrowedReplies } from './borrowed-replies.ts';
import { ErrorExamples } from './error-examples.ts';
import type { Json } from './field-schema.ts';
import { INTRODUCTION } from './introduction.ts';
import { MessageSchemas } from './message-schemas.ts';
import { operationOf } from './operations.ts';
import { PAGES_TAG, pageOperations } from './page-operations.ts';
import { PAGE_SCHEMAS } from './page-schemas.ts';
import { commonResponses, HEADERS } from './responses.ts';

interface Group {
  readonly tag: string;
  readonly description: string;
  readonly endpoints: Readonly<Record<string, unknown>>;
}

/** A group of calls that is missing here does not compile. */
const TAGS_V2: Readonly<Record<keyof typeof endpointsV2, string>> = {
  server: 'v2 system',
  session: 'v2 system',
  storages: 'v2 system',
  instances: 'v2 system',
  apiKeys: 'v2 system',
  audit: 'v2 system',
  quotas: 'v2 system',
  queue: 'v2 queue',
  items: 'v2 items',
  queues: 'v2 queues',
  schedules: 'v2 schedules',
  tasks: 'v2 tasks',
};

const GROUPS: readonly Group[] = [
  { tag: 'v1 queue', description: 'Produce, lease and complete items.', endpoints: queueEndpoints },
  { tag: 'v1 queues', description: 'Create, list and change queues.', endpoints: queuesEndpoints },
  { tag: 'v1 storage', description: 'The items of a partition.', endpoints: storageEndpoints },
  {
    tag: 'v1 access',
    description: 'Namespaces, users, API keys, roles and their bindings.',
    endpoints: accessEndpoints,
  },
  ...groupV2('v2 queue', 'Produce, lease, complete and extend, with an outcome for each item.'),
  ...groupV2('v2 items', 'Find, count, change, export and import the items of a queue.'),
  ...groupV2('v2 queues', 'Show queues with what they hold, pause and delete them.'),
  ...groupV2('v2 schedules', 'Items that the server produces at certain times.'),
  ...groupV2('v2 tasks', 'Long work on many items.'),
  ...groupV2('v2 system', 'The server, its instances, API keys, quotas and the audit.'),
];

/** Every call that the document describes. */
export const DOCUMENTED_CALLS: readonly AnyEndpoint[] = GROUPS.flatMap(endpointsOf);

/** The OpenAPI document of the API, from the tables of calls, the .proto files and the reference pages. */
export function openApiDocument(): Json {
  const messages = new MessageSchemas(DOCUMENTED_CALLS);
  const errors = new ErrorExamples();
  const parts = { messages, errors, examples: withBorrowedReplies(DOCUMENTED_CALLS, callExamples()) };
  const responses = commonResponses(errors);
  const paths = GROUPS.flatMap((group) =>
    endpointsOf(group).map((endpoint) => [endpoint.path, { post: operationOf(endpoint, group.tag, parts) }]),
  );
  return {
    openapi: '3.1.0',
    info: {
      title: 'Querator',
      version: '2',
      description: INTRODUCTION,
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: './', description: 'The server that served this document' }],
    security: [{}, { apiKey: [] }],
    tags: [...GROUPS.map(({ tag, description }) => ({ name: tag, description })).filter(isFirst), PAGES_TAG],
    paths: { ...Object.fromEntries(paths), ...pageOperations(errors) },
    components: {
      securitySchemes: {
        apiKey: { type: 'http', scheme: 'bearer', description: 'An API key: `qtr-…`.' },
      },
      schemas: { ...messages.components(), ...PAGE_SCHEMAS },
      responses,
      headers: HEADERS,
      examples: errors.components(),
    },
  };
}

function groupV2(tag: string, description: string): readonly Group[] {
  const names = (Object.keys(endpointsV2) as (keyof typeof endpointsV2)[]).filter(
    (name) => TAGS_V2[name] === tag,
  );
  return names.map((name) => ({ tag, description, endpoints: endpointsV2[name] }));
}

function endpointsOf({ endpoints }: Group): readonly AnyEndpoint[] {
  return Object.values(endpoints) as readonly AnyEndpoint[];
}

function isFirst(
  { name }: { readonly name: string },
  index: number,
  all: readonly { readonly name: string }[],
): boolean {
  return all.findIndex((other) => other.name === name) === index;
}

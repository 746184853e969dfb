import {
  type AnyEndpoint,
  accessEndpoints,
  endpointsV2,
  queueEndpoints,
  queuesEndpoints,
  storageEndpoints,
} from '@querator/protocol';
import { formatNumber, markdownTable } from './markdown-table.ts';

/** A group of calls with the page that describes them. */
interface Group {
  readonly endpoints: Readonly<Record<string, unknown>>;
  readonly page: string;
}

const GROUPS: readonly Group[] = [
  { endpoints: queueEndpoints, page: 'queue-calls.md' },
  { endpoints: queuesEndpoints, page: 'queues-calls.md' },
  { endpoints: storageEndpoints, page: 'storage-calls.md' },
];

const ACCESS: Group = { endpoints: accessEndpoints, page: 'access-calls.md' };

/** The page of each group of calls under `/v2/`. A group that is missing here does not compile. */
const PAGES_V2: Readonly<Record<keyof typeof endpointsV2, string>> = {
  server: 'v2-system-calls.md',
  session: 'v2-system-calls.md',
  storages: 'v2-system-calls.md',
  instances: 'v2-system-calls.md',
  apiKeys: 'v2-system-calls.md',
  audit: 'v2-system-calls.md',
  queue: 'v2-queue-calls.md',
  items: 'v2-items-calls.md',
  queues: 'v2-queues-calls.md',
  quotas: 'v2-system-calls.md',
  schedules: 'v2-schedules-calls.md',
  tasks: 'v2-tasks-calls.md',
};

/** Every call that is served: path, messages, permission, what its audit is for, body limit. */
export function endpointTable(): string {
  return table(GROUPS.flatMap(rowsOf));
}

/** The calls on access control. */
export function accessEndpointTable(): string {
  return table(rowsOf(ACCESS));
}

/** The calls under `/v2/`. */
export function endpointTableV2(): string {
  return table(
    Object.entries(endpointsV2).flatMap(([group, endpoints]) =>
      endpointsOf(endpoints).map((endpoint) => ({
        endpoint,
        link: `${PAGES_V2[group as keyof typeof endpointsV2]}#${anchorOf(endpoint.path)}`,
      })),
    ),
  );
}

/** The name of a call: its path without `/v1/`, or without the first slash. */
export function callName(path: string): string {
  return path.replace(/^\/(v1\/)?/, '');
}

function endpointsOf(table: Readonly<Record<string, unknown>>): readonly AnyEndpoint[] {
  return Object.values(table) as readonly AnyEndpoint[];
}

function rowsOf({ endpoints, page }: Group) {
  return endpointsOf(endpoints).map((endpoint) => ({ endpoint, link: `${page}#${anchorOf(endpoint.path)}` }));
}

function table(rows: readonly { readonly endpoint: AnyEndpoint; readonly link: string }[]): string {
  return markdownTable(
    ['call', 'request', 'reply', 'permission', 'audited', 'body limit in bytes'],
    rows.map(({ endpoint: { path, request, response, permission, audited, bodyLimit }, link }) => [
      `[\`POST ${path}\`](${link})`,
      `\`${request.name}\``,
      `\`${response.name}\``,
      permission === undefined ? '' : `\`${permission}\``,
      audited === false ? '' : audited,
      formatNumber(bodyLimit),
    ]),
  );
}

/** The anchor of a heading that is the name of the call. */
function anchorOf(path: string): string {
  return callName(path).replaceAll(/[./]/g, '');
}

// biome-ignore lint/style/noRestrictedImports: the outermost factory of the package.
import { type Clock, SystemClock } from '@querator/core';
import {
  type AnyEndpoint,
  accessEndpoints,
  queueEndpoints,
  queuesEndpoints,
  type RequestOf,
  type ResponseOf,
  storageEndpoints,
} from '@querator/protocol';
import { type Call, type CallOptions, createCall, type RequestFields } from './call.ts';
import { parseEndpoint } from './endpoint-url.ts';
import { type Fetch, fetchTransport } from './transport/fetch-transport.ts';
import { nodeTransport } from './transport/node-transport.ts';

/** What a client is made of. */
export interface ClientOptions {
  /** Where the server is: `http://localhost:2319`, or with a path where it is behind a proxy. */
  readonly endpoint: string;
  /** Sent as `Authorization: Bearer <key>`. */
  readonly apiKey?: string | undefined;
  /**
   * What requests are sent with, instead of Node's HTTP client. Mind that
   * Node's own `fetch` ends calls that wait for more than five minutes.
   */
  readonly fetch?: Fetch | undefined;
  readonly clock?: Clock | undefined;
}

/** One method per endpoint of a table, under the same names. */
type Methods<Table> = {
  readonly [Name in keyof Table]: (
    request: RequestFields<RequestOf<Table[Name]>>,
    options?: CallOptions,
  ) => Promise<ResponseOf<Table[Name]>>;
};

/**
 * A client of one server. Every method sends one request, once.
 *
 * All methods throw `ReplyError` (a `QueueError`) when the server refuses, a
 * `ClientError` when there is no answer, and the signal's reason when aborted.
 */
export interface Client {
  /** For producers and consumers: `produce`, `lease`, `complete`, `retry`, `stats`, `clear`, `reload`. */
  readonly queue: Methods<typeof queueEndpoints>;
  /** Management of queues: `create`, `list`, `info`, `update`, `delete`. */
  readonly queues: Methods<typeof queuesEndpoints>;
  /** Inspection of what is stored. */
  readonly storage: Methods<typeof storageEndpoints>;
  /** Namespaces, users, API keys, roles and their bindings. */
  readonly access: Methods<typeof accessEndpoints>;
  /** Calls any endpoint of the protocol. */
  readonly call: Call;
}

/**
 * Makes a client. Connects to nothing until it is used, and needs no closing.
 *
 * @throws TypeError when the endpoint is no http(s) URL, or holds credentials.
 */
export function createClient({ endpoint, apiKey, fetch, clock }: ClientOptions): Client {
  const call = createCall({
    baseUrl: parseEndpoint(endpoint),
    apiKey,
    transport: fetch === undefined ? nodeTransport() : fetchTransport(fetch),
    clock: clock ?? new SystemClock(),
  });
  return {
    queue: methods(call, queueEndpoints),
    queues: methods(call, queuesEndpoints),
    storage: methods(call, storageEndpoints),
    access: methods(call, accessEndpoints),
    call,
  };
}

function methods<Table extends Readonly<Record<string, AnyEndpoint>>>(
  call: Call,
  table: Table,
): Methods<Table> {
  const entries = Object.entries(table).map(([name, endpoint]) => [
    name,
    (request: never, options?: CallOptions) => call(endpoint, request, options),
  ]);
  // The keys are the table's, and each method takes what its endpoint does.
  return Object.fromEntries(entries) as Methods<Table>;
}

// biome-ignore lint/style/noRestrictedImports: the outermost factory of the package.
import { type Clock, SystemClock } from '@querator/core';
import {
  type AnyEndpoint,
  accessEndpoints,
  endpointsV2,
  queueEndpoints,
  queuesEndpoints,
  type RequestOf,
  type ResponseOf,
  storageEndpoints,
} from '@querator/protocol';
import { type Call, type CallOptions, createCall, type RequestFields } from './call.ts';
import { discovery, type ServerInfo } from './discovery/server-info.ts';
import { parseEndpoint } from './endpoint-url.ts';
import { type RenewalThread, ThreadHost } from './thread/thread-host.ts';
import { type Fetch, fetchTransport } from './transport/fetch-transport.ts';
import type { ClientTls } from './transport/http/open-socket.ts';
import { nodeTransport } from './transport/node-transport.ts';

/** Options of a client. */
export interface ClientOptions {
  /** The server's URL, such as `http://localhost:2319`; with a path if a proxy needs one. */
  readonly endpoint: string;
  /** Sent as `Authorization: Bearer <key>`. */
  readonly apiKey?: string | undefined;
  /**
   * Sends requests instead of the client's own connections. Note that Node's own `fetch`
   * ends calls that wait for more than 5 minutes.
   */
  readonly fetch?: Fetch | undefined;
  /** How to check the server of an `https` endpoint, and who the client is. Not used with `fetch`. */
  readonly tls?: ClientTls | undefined;
  /**
   * Whether workers renew their leases from a thread; true by default. It takes 10 MB, and 26 MB once it has to renew.
   * Without it, or with `fetch`, a handler that blocks the event loop for half of
   * the lease timeout may lose its lease.
   */
  readonly renewalThread?: boolean | undefined;
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
 * A client of one server. Every method sends exactly one request.
 *
 * All methods throw a `ReplyError` (a `QueueError`) if the server refuses, and a
 * `ClientError` if there is no reply. An aborted call throws the signal's reason.
 */
export interface Client {
  /** For producers and consumers: `produce`, `lease`, `complete`, `retry`, `stats`, `clear`, `reload`. */
  readonly queue: Methods<typeof queueEndpoints>;
  /** Management of queues: `create`, `list`, `info`, `update`, `delete`. */
  readonly queues: Methods<typeof queuesEndpoints>;
  /** Inspection of stored items. */
  readonly storage: Methods<typeof storageEndpoints>;
  /** Namespaces, users, API keys, roles and their bindings. */
  readonly access: Methods<typeof accessEndpoints>;
  /** The calls under `/v2/`. A server without them answers `unknown_method`. */
  readonly v2: {
    /** The server itself: `info`. */
    readonly server: Methods<typeof endpointsV2.server>;
    /** The servers on the same storage: `list`. */
    readonly instances: Methods<typeof endpointsV2.instances>;
    /** API keys: `rotate`. */
    readonly apiKeys: Methods<typeof endpointsV2.apiKeys>;
    /** The audit: `list`, which shows who called what. */
    readonly audit: Methods<typeof endpointsV2.audit>;
    /** For producers and consumers: `produce`, which returns ids, `lease`, and with an outcome for each item `complete`, `retry` and `extend`. */
    readonly queue: Methods<typeof endpointsV2.queue>;
    /** For operators: `find` and `summarize`, which read a bounded part of a queue per call. */
    readonly items: Methods<typeof endpointsV2.items>;
    /** Management of queues: `list`, `describe`, `rates`, `pause`, `resume`, and `delete`, which spares a queue with items unless it is forced. */
    readonly queues: Methods<typeof endpointsV2.queues>;
    /** The storages of the server: `list`. */
    readonly storages: Methods<typeof endpointsV2.storages>;
    /** The limits of namespaces and API keys: `get`, `set`. */
    readonly quotas: Methods<typeof endpointsV2.quotas>;
    /** Items that the server produces at certain times: `create`, `update`, `list`, `pause`, `resume`, `delete`. */
    readonly schedules: Methods<typeof endpointsV2.schedules>;
    /** Long work on many items: `create`, `get`, `list`, `cancel`. */
    readonly tasks: Methods<typeof endpointsV2.tasks>;
  };
  /**
   * Tells what the server can do. Asks it once, and remembers the answer.
   *
   * @throws as every call does. The next call then asks again.
   */
  readonly discover: () => Promise<ServerInfo>;
  /** Calls any endpoint of the protocol. */
  readonly call: Call;
  /** For workers, which renew leases from a thread. Undefined: requests are sent by a `fetch`, which no thread can use. */
  readonly renewalThread?: RenewalThread | undefined;
}

/**
 * Makes a client. The first call connects. A client needs no closing.
 *
 * @throws TypeError if the endpoint is not an http(s) URL, or contains credentials.
 */
export function createClient(options: ClientOptions): Client {
  const { endpoint, apiKey, fetch, tls, clock = new SystemClock(), renewalThread = true } = options;
  const call = createCall({
    baseUrl: parseEndpoint(endpoint),
    apiKey,
    transport: fetch === undefined ? nodeTransport({ tls, clock }) : fetchTransport(fetch),
    clock,
  });
  return {
    queue: methods(call, queueEndpoints),
    queues: methods(call, queuesEndpoints),
    storage: methods(call, storageEndpoints),
    access: methods(call, accessEndpoints),
    v2: {
      server: methods(call, endpointsV2.server),
      instances: methods(call, endpointsV2.instances),
      apiKeys: methods(call, endpointsV2.apiKeys),
      audit: methods(call, endpointsV2.audit),
      queue: methods(call, endpointsV2.queue),
      items: methods(call, endpointsV2.items),
      queues: methods(call, endpointsV2.queues),
      quotas: methods(call, endpointsV2.quotas),
      schedules: methods(call, endpointsV2.schedules),
      storages: methods(call, endpointsV2.storages),
      tasks: methods(call, endpointsV2.tasks),
    },
    discover: discovery(call),
    call,
    renewalThread:
      fetch === undefined && renewalThread ? new ThreadHost({ endpoint, apiKey, tls }) : undefined,
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
  // The keys are those of the table, and each method has the types of its endpoint.
  return Object.fromEntries(entries) as Methods<Table>;
}

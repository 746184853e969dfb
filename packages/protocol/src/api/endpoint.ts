import type { Permission } from '@querator/core';
import type { MessageCodec } from '../messages/message-codec.ts';

/**
 * Who judges the permission of a call. `queue`: the server, before the handler
 * runs, in the namespace of the queue that the request names. `service`: the
 * service, at the documented place among its checks. A call without a permission
 * needs nothing but a valid API key.
 */
export type Judgement =
  | { readonly judgedBy: 'queue'; readonly permission: Permission }
  | { readonly judgedBy: 'service'; readonly permission: Permission | undefined };

/**
 * What an audited call changes: the settings of queues, access control, or any
 * number of items, as the deletion of a queue does. Those that change items also
 * have an event before they begin. `false`: the call is not audited. Those are reads, and the
 * calls by which producers and consumers work.
 */
export type Audited = 'settings' | 'access' | 'items' | false;

/**
 * What a call does with items: stores those of its request, waits for some, or
 * concerns those that its caller has leased. `other`: nothing of these.
 */
export type ItemTraffic = 'stores' | 'waits' | 'leased' | 'other';

/** One call of the API: a `POST` to `path` with a request message and a response message. */
export type Endpoint<Request, Response> = Judgement & {
  /** Exact and case-sensitive. */
  readonly path: string;
  readonly request: MessageCodec<Request>;
  /** The codec of `Reply` if the call returns no data. */
  readonly response: MessageCodec<Response>;
  /** Why the server records who makes the call. */
  readonly audited: Audited;
  /** What it does with items. Limits and priorities depend on it. */
  readonly traffic: ItemTraffic;
  /**
   * Whether the request names the namespace of the queues that the call concerns, which is
   * `_system` if the name is empty. Limits depend on it. That of a call which is judged by
   * the queue is that of the queue.
   */
  readonly namesNamespace: boolean;
  /** The largest request body, in bytes. */
  readonly bodyLimit: number;
};

/** An endpoint with any messages, for routers. The caller pairs it with the right handler. */
export type AnyEndpoint = Endpoint<unknown, unknown>;

/**
 * Whether a call only reads. A lease does not: it takes items.
 */
export function onlyReads({ audited, traffic }: Pick<AnyEndpoint, 'audited' | 'traffic'>): boolean {
  return audited === false && traffic === 'other';
}

/** The request message of an endpoint. */
export type RequestOf<E> = E extends Endpoint<infer Request, infer _> ? Request : never;

/** The response message of an endpoint. */
export type ResponseOf<E> = E extends Endpoint<infer _, infer Response> ? Response : never;

/**
 * One handler per endpoint of a table, under the same names. A missing handler,
 * or one with the wrong messages, does not compile.
 */
export type Handlers<Table, Context> = {
  readonly [Name in keyof Table]: (
    request: RequestOf<Table[Name]>,
    context: Context,
  ) => Promise<ResponseOf<Table[Name]>>;
};

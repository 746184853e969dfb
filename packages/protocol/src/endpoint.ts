import type { Permission } from '@querator/core';
import type { MessageCodec } from './message-codec.ts';

/** One call of the API: `POST` to `path` with one message, answered with another. */
export interface Endpoint<Request, Response> {
  /** Exact and case-sensitive. */
  readonly path: string;
  readonly request: MessageCodec<Request>;
  /** For a call that answers nothing else this is the codec of `Reply`. */
  readonly response: MessageCodec<Response>;
  /** What the caller must be allowed to do; in which namespace is the service's business. */
  readonly permission: Permission;
  /** A longer body is refused, in bytes. */
  readonly bodyLimit: number;
}

/** An endpoint of whatever messages, as a router holds it. The caller pairs it with the right handler. */
export type AnyEndpoint = Endpoint<unknown, unknown>;

/** The message an endpoint is called with. */
export type RequestOf<E> = E extends Endpoint<infer Request, infer _> ? Request : never;

/** The message an endpoint answers with. */
export type ResponseOf<E> = E extends Endpoint<infer _, infer Response> ? Response : never;

/**
 * One handler per endpoint of a table, under the same names: an endpoint that
 * has none, and one with the wrong messages, do not compile.
 */
export type Handlers<Table, Context> = {
  readonly [Name in keyof Table]: (
    request: RequestOf<Table[Name]>,
    context: Context,
  ) => Promise<ResponseOf<Table[Name]>>;
};

import type { Clock } from '@querator/core';
import { type Endpoint, MEDIA_TYPES, type MessageFields } from '@querator/protocol';
import { RequestTimeoutError } from './errors/request-timeout-error.ts';
import { hasLateFields } from './late-fields.ts';
import { localTimeouts } from './local-timeout.ts';
import { readReply } from './read-reply.ts';
import type { Transport, TransportReply } from './transport/transport.ts';

/**
 * The fields of a request. A field that is left out has its default. Times may be a
 * `Date`, and metadata a plain object.
 */
export type RequestFields<Request> = MessageFields<Request>;

/** Options of one call. */
export interface CallOptions {
  /** Aborts the call, which then throws the signal's reason. Its outcome is unknown. */
  readonly signal?: AbortSignal | undefined;
  /**
   * How long to wait for the reply, in milliseconds. Default: the request's own
   * timeout plus 5 s, so that the server's timeout reply arrives; 35 s if the
   * request has none.
   */
  readonly timeoutMs?: number | undefined;
  /** Further headers of the request, such as `traceparent`. They do not replace those of the client. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /**
   * Receives a function that reads the headers of a successful reply. Some values
   * have no field in a message: see `REPLY_HEADERS` of `@querator/protocol`.
   */
  readonly onReply?: ((header: (name: string) => string | undefined) => void) | undefined;
}

/** Calls an endpoint and waits for its reply. */
export type Call = <Request, Response>(
  endpoint: Endpoint<Request, Response>,
  request: RequestFields<Request>,
  options?: CallOptions,
) => Promise<Response>;

/** Dependencies of a call. */
export interface CallDeps {
  /** Without a trailing slash. */
  readonly baseUrl: string;
  readonly apiKey: string | undefined;
  readonly transport: Transport;
  readonly clock: Clock;
}

/** Makes the function that implements every method of the client. */
export function createCall({ baseUrl, apiKey, transport, clock }: CallDeps): Call {
  const headers = {
    'Content-Type': MEDIA_TYPES.protobuf,
    Accept: MEDIA_TYPES.protobuf,
    ...(apiKey === undefined ? {} : { Authorization: `Bearer ${apiKey}` }),
  };
  const jsonHeaders = { ...headers, 'Content-Type': MEDIA_TYPES.json };

  const localTimeoutMs = localTimeouts();
  /** The URL of each path that was called. */
  const urls = new Map<string, string>();
  const urlOf = (path: string): string => {
    const url = `${baseUrl}${path}`;
    urls.set(path, url);
    return url;
  };
  return async (endpoint, request, { signal, timeoutMs, headers: more, onReply } = {}) => {
    signal?.throwIfAborted();
    const url = urls.get(endpoint.path) ?? urlOf(endpoint.path);
    const limitMs = timeoutMs ?? localTimeoutMs(endpoint.path, request as object);
    const message = endpoint.request.from(request);
    const isJson = hasLateFields(endpoint.path, request as object);
    const body = isJson ? endpoint.request.toJson(message) : endpoint.request.encode(message);
    const reply = await new Promise<TransportReply>((resolve, reject) => {
      let abort: (() => void) | undefined;
      const end = () => {
        cancelTimer();
        signal?.removeEventListener('abort', onAbort);
      };
      // Ends even if the transport ignores it, as an in-process one may.
      const giveUp = (reason: unknown) => {
        end();
        reject(reason);
        abort?.();
      };
      const onAbort = () => giveUp(signal?.reason);
      const cancelTimer = clock.startTimer(limitMs, () => giveUp(new RequestTimeoutError(url, limitMs)));
      signal?.addEventListener('abort', onAbort, { once: true });
      const listener = {
        replied: (received: TransportReply) => {
          end();
          resolve(received);
        },
        failed: (error: Error) => {
          end();
          reject(error);
        },
      };
      const own = isJson ? jsonHeaders : headers;
      const all = more === undefined ? own : { ...more, ...own };
      abort = transport({ url, headers: all, body }, listener);
    });
    const response = readReply(endpoint.response, url, reply);
    onReply?.(reply.header);
    return response;
  };
}

import type { Clock } from '@querator/core';
import { type Endpoint, MEDIA_TYPES, type MessageCodec } from '@querator/protocol';
import { RequestTimeoutError } from './errors/request-timeout-error.ts';
import { localTimeoutMs } from './local-timeout.ts';
import { readReply } from './read-reply.ts';
import type { Transport } from './transport/transport.ts';

/** The fields of a request; what is left out is at its default. */
export type RequestFields<Request> = NonNullable<Parameters<MessageCodec<Request>['create']>[0]>;

/** How a call is made. */
export interface CallOptions {
  /** Ends the call, which then throws the signal's reason. Whether it took effect is unknown. */
  readonly signal?: AbortSignal | undefined;
  /**
   * How long to wait for the reply, in milliseconds. By default five seconds
   * longer than the request's own timeout, so that the server's answer to that
   * arrives; 35 seconds where the request has none.
   */
  readonly timeoutMs?: number | undefined;
  /**
   * Told of a successful reply before the call ends, to read the headers that
   * messages have no fields for (`REPLY_HEADERS` of `@querator/protocol`).
   */
  readonly onReply?: ((header: (name: string) => string | undefined) => void) | undefined;
}

/** Calls an endpoint and waits for its reply. */
export type Call = <Request, Response>(
  endpoint: Endpoint<Request, Response>,
  request: RequestFields<Request>,
  options?: CallOptions,
) => Promise<Response>;

/** What calls are made with. */
export interface CallDeps {
  /** Without a slash at its end. */
  readonly baseUrl: string;
  readonly apiKey: string | undefined;
  readonly transport: Transport;
  readonly clock: Clock;
}

/** Makes the function that every method of the client comes down to. */
export function createCall({ baseUrl, apiKey, transport, clock }: CallDeps): Call {
  const headers = {
    'Content-Type': MEDIA_TYPES.protobuf,
    Accept: MEDIA_TYPES.protobuf,
    ...(apiKey === undefined ? {} : { Authorization: `Bearer ${apiKey}` }),
  };

  return async (endpoint, request, { signal, timeoutMs, onReply } = {}) => {
    signal?.throwIfAborted();
    const url = `${baseUrl}${endpoint.path}`;
    const limitMs = timeoutMs ?? localTimeoutMs(endpoint.path, request as object);
    const body = endpoint.request.encode(endpoint.request.create(request));

    const ending = new AbortController();
    const cancelTimer = clock.startTimer(limitMs, () => ending.abort(new RequestTimeoutError(url, limitMs)));
    const onAbort = () => ending.abort(signal?.reason);
    signal?.addEventListener('abort', onAbort, { once: true });
    try {
      const reply = await unlessAborted(
        ending.signal,
        transport({ url, headers, body, signal: ending.signal }),
      );
      const response = readReply(endpoint.response, url, reply);
      onReply?.(reply.header);
      return response;
    } finally {
      cancelTimer();
      signal?.removeEventListener('abort', onAbort);
    }
  };
}

/** Does not rely on the transport to end with its signal: one in process may not look at it. */
function unlessAborted<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const end = () => reject(signal.reason);
    if (signal.aborted) end();
    signal.addEventListener('abort', end, { once: true });
    work.then(resolve, reject);
  });
}

import { codecs, decodeBody, type Endpoint, errorReply, MEDIA_TYPES } from '@querator/protocol';
import type { Fetch } from '../../src/index.ts';

/** A request that the fake server received. */
export interface Received {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** The decoded message. */
  readonly request: unknown;
}

type Handler = (request: unknown, signal: AbortSignal) => unknown;

/** A server without a network. A function per endpoint answers, and the requests are recorded. */
export class FakeServer {
  readonly received: Received[] = [];
  readonly #handlers = new Map<string, { endpoint: Endpoint<unknown, unknown>; handler: Handler }>();

  /** Sets the handler of an endpoint. Its errors become error replies. */
  on<Request, Response>(
    endpoint: Endpoint<Request, Response>,
    handler: (request: Request, signal: AbortSignal) => Promise<Response> | Response,
  ): this {
    this.#handlers.set(endpoint.path, {
      endpoint: endpoint as unknown as Endpoint<unknown, unknown>,
      handler: handler as Handler,
    });
    return this;
  }

  readonly fetch: Fetch = async (url, { headers, body, signal }) => {
    const found = this.#handlers.get(new URL(url).pathname);
    if (found === undefined) throw new Error(`the test has no handler for ${url}`);
    const request = decodeBody(found.endpoint.request, 'protobuf', body as Uint8Array);
    this.received.push({ url, headers: headers as Record<string, string>, request });
    try {
      const response = await found.handler(request, signal as AbortSignal);
      return protobufReply(200, found.endpoint.response.encode(response));
    } catch (error) {
      const reply = errorReply(error);
      return protobufReply(reply.code, codecs.Reply.encode(reply));
    }
  };
}

/** A reply of a Querator server. */
export function protobufReply(status: number, body: Uint8Array): Response {
  return rawReply(status, MEDIA_TYPES.protobuf, body as Uint8Array<ArrayBuffer>);
}

/** A reply of any server. */
export function rawReply(
  status: number,
  contentType: string,
  body: Uint8Array<ArrayBuffer> | string,
): Response {
  return new Response(body, { status, headers: { 'Content-Type': contentType } });
}

/** The error that a promise is rejected with. */
export async function failureOf(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error('the call did not fail');
}

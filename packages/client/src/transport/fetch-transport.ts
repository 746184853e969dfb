import type { Transport } from './transport.ts';
import { transportFailure } from './transport-failure.ts';

/** What the client needs of a `fetch`: the global one will do, and so will the one of a Hono app. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

/** A transport on any `fetch`. */
export function fetchTransport(fetch: Fetch): Transport {
  return async ({ url, headers, body, signal }) => {
    try {
      // What the codecs return is never backed by shared memory, which fetch would refuse.
      const init = { method: 'POST', headers, body: body as Uint8Array<ArrayBuffer>, signal };
      const response = await fetch(url, init);
      return {
        status: response.status,
        contentType: response.headers.get('content-type') ?? '',
        body: new Uint8Array(await response.arrayBuffer()),
        header: (name) => response.headers.get(name) ?? undefined,
      };
    } catch (error) {
      throw transportFailure(url, error);
    }
  };
}

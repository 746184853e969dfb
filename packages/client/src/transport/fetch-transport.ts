import type { Transport } from './transport.ts';
import { transportFailure } from './transport-failure.ts';

/** The part of `fetch` that the client uses. The global `fetch` and the one of a Hono app both fit. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

/** A transport that uses the given `fetch`. */
export function fetchTransport(fetch: Fetch): Transport {
  return async ({ url, headers, body, signal }) => {
    try {
      // The codecs never return shared memory, which fetch would refuse.
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

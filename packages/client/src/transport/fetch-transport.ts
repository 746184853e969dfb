import type { Transport, TransportReply, TransportRequest } from './transport.ts';
import { fetchFailure } from './transport-failure.ts';

/** The part of `fetch` that the client uses. The global `fetch` and the one of a Hono app both fit. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

/** A transport that uses the given `fetch`. */
export function fetchTransport(fetch: Fetch): Transport {
  return (request, { replied, failed }) => {
    const ending = new AbortController();
    exchange(fetch, request, ending.signal).then(replied, (error: unknown) =>
      failed(fetchFailure(request.url, error)),
    );
    return () => ending.abort();
  };
}

async function exchange(
  fetch: Fetch,
  { url, headers, body }: TransportRequest,
  signal: AbortSignal,
): Promise<TransportReply> {
  // The codecs never return shared memory, which fetch would refuse.
  const init = { method: 'POST', headers, body: body as Uint8Array<ArrayBuffer>, signal };
  const response = await fetch(url, init);
  return {
    status: response.status,
    contentType: response.headers.get('content-type') ?? '',
    body: new Uint8Array(await response.arrayBuffer()),
    header: (name) => response.headers.get(name) ?? undefined,
  };
}

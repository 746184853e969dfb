import type { Clock } from '@querator/core';
import { ConnectionPool } from './http/connection-pool.ts';
import { type ClientTls, socketOpener } from './http/open-socket.ts';
import { requestHead } from './http/request-head.ts';
import type { Transport, TransportRequest } from './transport.ts';
import { connectFailure, lossOf } from './transport-failure.ts';

/** The most connections to one server, and so the most calls that wait at the same time. */
const MOST_CONNECTIONS = 5_000;

/** Settings of {@link nodeTransport}. */
export interface NodeTransportOptions {
  readonly tls?: ClientTls | undefined;
  readonly clock: Clock;
  /** The most connections to one server; other calls wait. */
  readonly mostConnections?: number | undefined;
}

/** Where the requests to one URL go, and how they begin. */
interface Target {
  readonly pool: ConnectionPool;
  readonly headers: TransportRequest['headers'];
  readonly head: string;
}

/**
 * The default transport: HTTP/1.1 on sockets of Node. A call takes about half of the
 * processor time that it takes with Node's HTTP client. Node's `fetch` gives up after 5
 * minutes without a reply, but a lease may wait for 15. Idle connections are reused and
 * do not keep the process alive.
 */
export function nodeTransport({
  tls = {},
  clock,
  mostConnections = MOST_CONNECTIONS,
}: NodeTransportOptions): Transport {
  const pools = new Map<string, ConnectionPool>();
  /** A client has one URL per endpoint, and the same headers for all. */
  const targets = new Map<string, Target>();

  const targetOf = ({ url, headers }: TransportRequest): Target => {
    const parsed = new URL(url);
    const pool =
      pools.get(parsed.origin) ??
      new ConnectionPool({ clock, mostConnections, open: socketOpener(parsed, tls) });
    pools.set(parsed.origin, pool);
    const target = { pool, headers, head: requestHead(parsed, headers) };
    targets.set(url, target);
    return target;
  };
  return (request, { replied, failed }) => {
    const { url, headers, body } = request;
    const known = targets.get(url);
    const { pool, head } = known?.headers === headers ? known : targetOf(request);
    return pool.begin({
      ...{ head, body, replied },
      failed: (error, isSent) => failed(isSent ? lossOf(url, error) : connectFailure(url, error)),
    });
  };
}

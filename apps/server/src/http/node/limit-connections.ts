import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { type Logger, silentLogger } from '@querator/core';
import { connectionEvent } from './connection-event.ts';

/** Further settings of a connection limit. */
export interface ConnectionOptions {
  /** The maximum number of open connections, including waiting ones. Further ones are closed. Undefined: no limit. */
  readonly open?: number | undefined;
  readonly logger?: Logger | undefined;
}

/**
 * Serves at most `limit` connections at a time. Further ones stay open and
 * unread, as in the kernel's backlog, until a served one closes. Connections
 * past `open` are closed: their descriptors are reserved for databases.
 */
export function limitConnections(
  http: Server,
  limit: number,
  { open, logger = silentLogger }: ConnectionOptions = {},
): void {
  const waiting = new Set<Socket>();
  let served = 0;

  const serve = (socket: Socket) => {
    served++;
    socket.once('close', () => {
      served--;
      const [next] = waiting;
      if (next === undefined) return;
      waiting.delete(next);
      serve(next);
      next.resume();
    });
  };

  if (open !== undefined) http.maxConnections = open;
  http.on('drop', () => {
    const text =
      'a connection was closed: the process has no file descriptor for it; raise the limit (ulimit -n)';
    logger.error(text, { open });
  });
  http.on(connectionEvent(http), (socket: Socket) => {
    if (served < limit) {
      serve(socket);
      return;
    }
    if (waiting.size === 0)
      logger.warn('all connections are in use; further ones wait', { connections: limit });
    waiting.add(socket);
    // node:http starts to read the socket in the next tick, and only after that can it be paused.
    process.nextTick(() => {
      if (waiting.has(socket)) socket.pause();
    });
    socket.once('close', () => waiting.delete(socket));
  });
}

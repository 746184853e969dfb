import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { type Logger, silentLogger } from '@querator/core';

/** What else a server minds of its connections. */
export interface ConnectionOptions {
  /** Connections that are open at a time, the waiting ones included; further ones are closed. Absent: any number. */
  readonly open?: number | undefined;
  readonly logger?: Logger | undefined;
}

/**
 * Serves at most so many connections at a time. The next ones are not refused:
 * they stay unread, as if they were still in the kernel's backlog, until one
 * that is served closes (wire.md, section 1). Only where the process would run
 * out of descriptors they are closed: those of the databases are kept for them.
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
  http.on('drop', () =>
    logger.error(
      'a connection was closed: the process has no file descriptor for it; raise the limit (ulimit -n)',
      {
        open,
      },
    ),
  );
  http.on('connection', (socket: Socket) => {
    if (served < limit) {
      serve(socket);
      return;
    }
    if (waiting.size === 0)
      logger.warn('all connections are in use; further ones wait', { connections: limit });
    waiting.add(socket);
    // node:http has just asked the socket to start reading, and that takes a tick: only then can it be stopped.
    process.nextTick(() => {
      if (waiting.has(socket)) socket.pause();
    });
    socket.once('close', () => waiting.delete(socket));
  });
}

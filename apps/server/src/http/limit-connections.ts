import type { Server } from 'node:http';
import type { Socket } from 'node:net';

/**
 * Serves at most so many connections at a time. The next ones are not refused:
 * they stay unread, as if they were still in the kernel's backlog, until one
 * that is served closes (wire.md, section 1).
 */
export function limitConnections(http: Server, limit: number): void {
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

  http.on('connection', (socket: Socket) => {
    if (served < limit) {
      serve(socket);
      return;
    }
    waiting.add(socket);
    // node:http has just asked the socket to start reading, and that takes a tick: only then can it be stopped.
    process.nextTick(() => {
      if (waiting.has(socket)) socket.pause();
    });
    socket.once('close', () => waiting.delete(socket));
  });
}

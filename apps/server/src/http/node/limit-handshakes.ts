import type { Socket } from 'node:net';
import type { Server } from 'node:tls';

/** A client needs some round trips, so this many at a time are far more than an honest crowd needs. */
const MAX_HANDSHAKES = 1_000;

/**
 * Limits the connections in a TLS handshake, which no other limit counts as
 * served. Past the limit the oldest one is closed: an honest client finishes in
 * milliseconds.
 */
export function limitHandshakes(server: Server, limit = MAX_HANDSHAKES): void {
  /** In the order of their start. */
  const shaking = new Map<string, Socket>();
  server.on('connection', (socket: Socket) => {
    const key = keyOf(socket);
    shaking.set(key, socket);
    socket.once('close', () => {
      if (shaking.get(key) === socket) shaking.delete(key);
    });
    if (shaking.size <= limit) return;
    const [[oldestKey, oldest] = []] = shaking;
    if (oldestKey !== undefined) shaking.delete(oldestKey);
    oldest?.destroy();
  });
  // The encrypted socket is another object, with the addresses of the one under it.
  server.on('secureConnection', (socket: Socket) => shaking.delete(keyOf(socket)));
}

function keyOf({ remoteAddress, remotePort, localAddress }: Socket): string {
  return `${remoteAddress} ${remotePort} ${localAddress}`;
}

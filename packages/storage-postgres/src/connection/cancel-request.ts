import net, { type Socket } from 'node:net';

/** Stands in place of a protocol version. */
const CANCEL_REQUEST = 80_877_102;
const LENGTH = 16;

/** The data by which a server identifies a new session. */
export interface SessionKey {
  readonly processId: number;
  readonly secret: number;
}

/**
 * Asks the server at the other end of a connection to cancel a session's statement.
 * Needs no place among the server's connections. Waits until the server has read the
 * request, which is the only answer; never rejects. Like psql up to PostgreSQL 16,
 * does not encrypt: the key is useless once the session has ended.
 *
 * @param limitMs how long the server may take to read the request.
 */
export async function sendCancelRequest(
  to: Socket,
  { processId, secret }: SessionKey,
  limitMs: number,
): Promise<void> {
  const { remoteAddress: host, remotePort: port } = to;
  // Both are undefined for a Unix socket.
  if (host === undefined || port === undefined) return;
  const packet = Buffer.alloc(LENGTH);
  packet.writeInt32BE(LENGTH, 0);
  packet.writeInt32BE(CANCEL_REQUEST, 4);
  packet.writeInt32BE(processId, 8);
  packet.writeInt32BE(secret, 12);
  const socket = net.connect(port, host);
  socket.setTimeout(limitMs, () => socket.destroy());
  socket.on('error', () => {});
  // Do not end the socket: PgBouncer would drop the request. The server closes it once
  // it has cancelled the statement.
  socket.write(packet);
  // A server sends nothing here. Whatever does is no server, and must not keep the socket open.
  socket.once('data', () => socket.destroy());
  await new Promise((resolve) => socket.once('close', resolve));
}

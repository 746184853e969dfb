import net, { type Socket } from 'node:net';

/** The code that stands in the place of a protocol version. */
const CANCEL_REQUEST = 80_877_102;
const LENGTH = 16;

/** What a server told a session about itself when it began. */
export interface SessionKey {
  readonly processId: number;
  readonly secret: number;
}

/**
 * Asks the server at the other end of a connection to cancel what a session of
 * its is doing. Takes no place among the server's connections. Waits until it
 * was heard, which is all the answer there is; never rejects. Like the psql of
 * PostgreSQL 16 and before it is not encrypted; the key is of use to nobody
 * once the session has ended.
 *
 * @param limitMs how long the server may take to hear it.
 */
export async function sendCancelRequest(
  to: Socket,
  { processId, secret }: SessionKey,
  limitMs: number,
): Promise<void> {
  const { remoteAddress: host, remotePort: port } = to;
  // A Unix socket has neither.
  if (host === undefined || port === undefined) return;
  const packet = Buffer.alloc(LENGTH);
  packet.writeInt32BE(LENGTH, 0);
  packet.writeInt32BE(CANCEL_REQUEST, 4);
  packet.writeInt32BE(processId, 8);
  packet.writeInt32BE(secret, 12);
  const socket = net.connect(port, host);
  socket.setTimeout(limitMs, () => socket.destroy());
  socket.on('error', () => {});
  // Not ended: PgBouncer would forget about it. The server closes it when it has done what was asked.
  socket.write(packet);
  // The server has nothing to say: who does is not one, and must not hold the socket for ever.
  socket.once('data', () => socket.destroy());
  await new Promise((resolve) => socket.once('close', resolve));
}

import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';

/** A request as it arrived. */
export interface RawRequest {
  /** The connection: 1 for the first one. */
  readonly connection: number;
  /** Everything before the body. */
  readonly head: string;
  readonly body: Buffer;
  readonly socket: Socket;
}

/** A server that answers with any bytes. */
export class RawServer {
  readonly requests: RawRequest[] = [];
  readonly sockets: Socket[] = [];
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  /** @param answer sends the reply to a request that has arrived as a whole. */
  static async start(answer: (request: RawRequest) => unknown, host = '127.0.0.1'): Promise<RawServer> {
    const server = createServer();
    const started = new RawServer(server);
    server.on('connection', (socket) => started.#accept(socket, answer));
    await once(server.listen(0, host), 'listening');
    return started;
  }

  get endpoint(): string {
    const { address, family, port } = this.#server.address() as AddressInfo;
    return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
  }

  stop(): void {
    this.#server.close();
    for (const socket of this.sockets) socket.destroy();
  }

  #accept(socket: Socket, answer: (request: RawRequest) => unknown): void {
    const connection = this.sockets.push(socket);
    let left = Buffer.alloc(0);
    socket.on('error', () => {});
    socket.on('data', (bytes) => {
      left = Buffer.concat([left, bytes]);
      for (;;) {
        const end = left.indexOf('\r\n\r\n') + 4;
        const head = left.toString('latin1', 0, end);
        const length = Number(/content-length: (\d+)/i.exec(head)?.[1]);
        if (end < 4 || left.length < end + length) return;
        const request = { connection, head, body: left.subarray(end, end + length), socket };
        left = left.subarray(end + length);
        this.requests.push(request);
        answer(request);
      }
    });
  }
}

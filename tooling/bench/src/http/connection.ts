import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { type HttpReply, ResponseParser } from './response-parser.ts';

/** Most replies fit into one read of this size. */
const READ_BYTES = 128 * 1_024;

/**
 * One keep-alive HTTP/1.1 connection with one request in flight. It does little
 * per request, since it shares two cores with the measured server.
 */
export class Connection {
  readonly #socket: Socket;
  readonly #parser = new ResponseParser();
  #resolve: ((reply: HttpReply) => void) | undefined;
  #reject: ((error: Error) => void) | undefined;

  private constructor(port: number) {
    const buffer = Buffer.allocUnsafe(READ_BYTES);
    this.#socket = connect({
      port,
      host: '127.0.0.1',
      noDelay: true,
      onread: {
        buffer,
        callback: (length) => {
          this.#read(buffer.subarray(0, length));
          return true;
        },
      },
    });
    this.#socket.on('close', () => this.#fail(new Error('the connection was closed')));
    this.#socket.on('error', (error) => this.#fail(error));
  }

  static async open(port: number): Promise<Connection> {
    const connection = new Connection(port);
    await once(connection.#socket, 'connect');
    return connection;
  }

  /** Sends a whole request, head and body. @throws Error when the connection breaks. */
  request(bytes: Uint8Array): Promise<HttpReply> {
    return new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
      this.#socket.write(bytes);
    });
  }

  close(): void {
    this.#socket.destroy();
  }

  #read(chunk: Buffer): void {
    try {
      const reply = this.#parser.push(chunk);
      if (reply === undefined) return;
      const resolve = this.#resolve;
      this.#resolve = undefined;
      this.#reject = undefined;
      resolve?.(reply);
    } catch (error) {
      this.#fail(error as Error);
      this.#socket.destroy();
    }
  }

  #fail(error: Error): void {
    const reject = this.#reject;
    this.#resolve = undefined;
    this.#reject = undefined;
    reject?.(error);
  }
}

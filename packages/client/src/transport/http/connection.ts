import type { Socket } from 'node:net';
import type { TransportReply } from '../transport.ts';
import type { OpeningSocket } from './open-socket.ts';
import { type ParsedReply, ReplyParser } from './reply-parser.ts';

/** A request, and who waits for its reply. */
export interface Exchange {
  /** The head up to the number of its Content-Length. */
  readonly head: string;
  readonly body: Uint8Array;
  readonly replied: (reply: TransportReply) => void;
  /** @param isSent whether the server may have received a part of the request. */
  readonly failed: (error: Error, isSent: boolean) => void;
}

/** What happens to a connection. */
export interface ConnectionListener {
  /**
   * The exchange has ended, and another one may begin.
   *
   * @param idleSeconds for how long the server keeps the connection open without one. Undefined: unknown.
   */
  readonly freed: (connection: Connection, idleSeconds: number | undefined) => void;
  /** No other exchange may begin. */
  readonly closed: (connection: Connection) => void;
}

/** Larger bodies are not copied to be sent in one piece with their head. */
const MOST_COPIED = 16_384;

/** A connection to a server, which carries one exchange at a time. */
export class Connection {
  readonly #socket: Socket;
  readonly #listener: ConnectionListener;
  readonly #parser = new ReplyParser();
  #isOpen = false;
  #isClosed = false;
  #exchange: Exchange | undefined;

  /** Takes the first exchange at once, and sends its request when the connection is open. */
  constructor({ socket, openEvent }: OpeningSocket, first: Exchange, listener: ConnectionListener) {
    this.#socket = socket;
    this.#listener = listener;
    this.#exchange = first;
    socket.once(openEvent, () => {
      this.#isOpen = true;
      if (this.#exchange !== undefined) this.#send(this.#exchange);
    });
    socket.on('data', (bytes: Buffer) => this.#received(bytes));
    socket.on('end', () => this.#ended());
    socket.on('error', (error) => this.#close(error));
    socket.on('close', () => this.#close(new Error('the server closed the connection')));
  }

  /** Begins another exchange, after the one before has ended. */
  begin(exchange: Exchange): void {
    this.#exchange = exchange;
    this.#socket.ref();
    this.#send(exchange);
  }

  /** Closes the connection, if the exchange is still under way. It hears nothing more. */
  abort(exchange: Exchange): void {
    if (this.#exchange !== exchange) return;
    this.#exchange = undefined;
    this.close();
  }

  /** Closes a connection without an exchange. */
  close(): void {
    this.#close(undefined);
  }

  /** An idle connection does not keep the process alive. */
  rest(): void {
    this.#socket.unref();
  }

  #send({ head, body }: Exchange): void {
    const start = `${head}${body.length}\r\n\r\n`;
    if (body.length <= MOST_COPIED) {
      const bytes = Buffer.allocUnsafe(start.length + body.length);
      bytes.write(start, 'latin1');
      bytes.set(body, start.length);
      this.#socket.write(bytes);
      return;
    }
    this.#socket.cork();
    this.#socket.write(start, 'latin1');
    this.#socket.write(body);
    this.#socket.uncork();
  }

  #received(bytes: Buffer): void {
    // A server says nothing without being asked, except that it will close the connection.
    if (this.#exchange === undefined) {
      this.close();
      return;
    }
    let parsed: ParsedReply | undefined;
    try {
      parsed = this.#parser.take(bytes);
    } catch (error) {
      this.#close(error as Error);
      return;
    }
    if (parsed !== undefined) this.#replied(this.#exchange, parsed);
  }

  #ended(): void {
    const parsed = this.#parser.end();
    if (parsed !== undefined && this.#exchange !== undefined) this.#replied(this.#exchange, parsed);
    else this.#close(new Error('the server closed the connection'));
  }

  #replied(exchange: Exchange, { reply, isReusable, idleSeconds }: ParsedReply): void {
    this.#exchange = undefined;
    // The server may have refused a request whose end is still to be sent.
    if (isReusable && this.#socket.writableLength === 0) this.#listener.freed(this, idleSeconds);
    else this.close();
    exchange.replied(reply);
  }

  /** The first reason counts. */
  #close(error: Error | undefined): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#socket.destroy();
    const exchange = this.#exchange;
    this.#exchange = undefined;
    this.#listener.closed(this);
    if (error !== undefined) exchange?.failed(error, this.#isOpen);
  }
}

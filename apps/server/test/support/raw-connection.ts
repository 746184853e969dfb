import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { expect, vi } from 'vitest';

const PATIENCE = { timeout: 10_000, interval: 5 };

/** A TCP connection that sends what a test says, byte by byte. */
export class RawConnection {
  readonly socket: Socket;
  /** What the server sent, as latin1. */
  received = '';
  isClosed = false;

  private constructor(socket: Socket) {
    this.socket = socket;
    // The server may reset the connection.
    socket.on('error', () => {});
    socket.on('close', () => {
      this.isClosed = true;
    });
    socket.setEncoding('latin1');
  }

  /** @param reads whether it reads what the server sends. */
  static async open(port: number, { reads = true } = {}): Promise<RawConnection> {
    const socket = connect(port, '127.0.0.1');
    const connection = new RawConnection(socket);
    if (reads) connection.read();
    await once(socket, 'connect');
    return connection;
  }

  /** Reads from now on. */
  read(): void {
    this.socket.on('data', (text) => {
      this.received += text;
    });
  }

  send(text: string | Uint8Array): void {
    this.socket.write(text);
  }

  /** Sends the head of a call, which announces `length` bytes, without a body. */
  sendHead(path: string, length: number | 'chunked'): void {
    const framing = length === 'chunked' ? 'Transfer-Encoding: chunked' : `Content-Length: ${length}`;
    this.send(`POST ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n${framing}\r\n\r\n`);
  }

  /** Sends a whole call. */
  call(path: string, body: object): void {
    const text = JSON.stringify(body);
    this.socket.cork();
    this.sendHead(path, Buffer.byteLength(text));
    this.send(text);
    this.socket.uncork();
  }

  get(path: string): void {
    this.send(`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`);
  }

  /** The status codes of the replies so far. */
  get statuses(): number[] {
    return [...this.received.matchAll(/HTTP\/1\.1 (\d+) /g)].map(([, code]) => Number(code));
  }

  /** Waits for the next replies, until there are `count` in all. */
  async untilReplies(count: number): Promise<void> {
    await vi.waitFor(() => expect(this.statuses.length).toBeGreaterThanOrEqual(count), PATIENCE);
  }

  async untilClosed(): Promise<void> {
    await vi.waitFor(() => expect(this.isClosed).toBe(true), PATIENCE);
  }
}

/** Waits until a condition holds. */
export async function until(condition: () => boolean): Promise<void> {
  await vi.waitFor(() => expect(condition()).toBe(true), PATIENCE);
}

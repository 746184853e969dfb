import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';

/** A message of a server. */
export function message(kind: string, body: Uint8Array = Buffer.alloc(0), length = body.length + 4): Buffer {
  const header = Buffer.alloc(5);
  header.write(kind, 'latin1');
  header.writeUInt32BE(length, 1);
  return Buffer.concat([header, body]);
}

/** A row with these fields as texts. */
export function row(...fields: readonly (string | null)[]): Buffer {
  const parts = fields.map((field) => {
    const bytes = Buffer.from(field ?? '');
    const length = Buffer.alloc(4);
    length.writeInt32BE(field === null ? -1 : bytes.length);
    return Buffer.concat([length, bytes]);
  });
  const count = Buffer.alloc(2);
  count.writeInt16BE(fields.length);
  return message('D', Buffer.concat([count, ...parts]));
}

/** Describes columns of the given types. */
export function description(...columns: readonly (readonly [name: string, type: number])[]): Buffer {
  const parts = columns.map(([name, type]) => {
    const rest = Buffer.alloc(18);
    rest.writeUInt32BE(type, 6);
    return Buffer.concat([Buffer.from(`${name}\0`), rest]);
  });
  const count = Buffer.alloc(2);
  count.writeInt16BE(columns.length);
  return message('T', Buffer.concat([count, ...parts]));
}

/** An error with a text. */
export function error(text: string, code = 'XX000'): Buffer {
  return message('E', Buffer.from(`SERROR\0VERROR\0C${code}\0M${text}\0\0`));
}

export const AUTHENTICATED = message('R', Buffer.alloc(4));
export const COMPLETE = message('C', Buffer.from('SELECT 1\0'));
export const READY = message('Z', Buffer.from('I'));

/** The end of a correct start-up. */
const WELCOME = Buffer.concat([AUTHENTICATED, message('K', Buffer.alloc(8)), READY]);

/** The answer to the query for a session's state. */
const STATE = Buffer.concat([
  description(['standby', 16], ['readOnly', 16], ['isolation', 25], ['settingsApplied', 16]),
  row('f', 'f', 'read committed', 't'),
  ...[COMPLETE, READY],
]);

/** What to send at each stage of a connection instead of the correct answer. */
export interface Breaches {
  /** In answer to the request for TLS. */
  readonly tls?: Buffer;
  /** In answer to the start-up message. */
  readonly start?: Buffer;
  /** In answer to the query for the session's state. */
  readonly state?: Buffer;
  /** In answer to later statements. */
  readonly statement?: Buffer;
}

/** A server that knows just enough of the protocol to break it. */
export class BreakingServer {
  breaches: Breaches = {};
  /** The number of connections that it has accepted. */
  connections = 0;
  readonly #server: Server = createServer((socket) => this.#serve(socket));
  readonly #sockets = new Set<Socket>();

  static async start(): Promise<BreakingServer> {
    const server = new BreakingServer();
    await once(server.#server.listen(0, '127.0.0.1'), 'listening');
    return server;
  }

  connectionString(query = 'sslmode=disable'): string {
    return `postgres://me:secret@127.0.0.1:${(this.#server.address() as AddressInfo).port}/d?${query}`;
  }

  /** The number of open connections. */
  get open(): number {
    return this.#sockets.size;
  }

  stop(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #serve(socket: Socket): void {
    this.connections++;
    this.#sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => this.#sockets.delete(socket));
    let stage: 'start' | 'state' | 'statement' = 'start';
    const answer = (bytes: Buffer) => void socket.write(bytes);
    socket.on('data', (data) => {
      const { tls = Buffer.from('N'), start = WELCOME, state = STATE } = this.breaches;
      if (data.length === 8) answer(tls);
      else if (stage === 'start') {
        stage = 'state';
        answer(start);
      } else if (stage === 'state') {
        stage = 'statement';
        answer(state);
      } else {
        const good = Buffer.concat([description(['n', 23]), row('1'), COMPLETE, READY]);
        answer(this.breaches.statement ?? good);
      }
    });
  }
}

import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import pg from 'pg';

const SSL_REQUEST = 80877103;

/** What the pooler does with the settings in a client's start-up message. */
export type OptionsFate = 'refused' | 'dropped' | 'kept';

/** Options of a pooler. */
export interface SharingPoolerOptions {
  readonly fate: OptionsFate;
  /** The number of sessions of the server. */
  readonly size?: number;
  /** Whether it ends a transaction between two statements that were sent as one. */
  readonly tears?: boolean;
}

/** A session of the server, assigned to one client for a transaction. */
interface Lent {
  readonly client: pg.Client;
  readonly socket: Socket;
  borrower: Borrower | undefined;
}

interface Borrower {
  readonly socket: Socket;
  lent: Lent | undefined;
  /** What the client sent while no session was free. */
  held: Buffer[];
  /** Whether the client has sent a statement since its last Sync. */
  isAmidst: boolean;
  /** The number of Syncs that it does not know of and that are still to be answered. */
  unknownSyncs: number;
}

function message(type: string, body: Buffer): Buffer {
  const head = Buffer.alloc(5);
  head.write(type, 'latin1');
  head.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
}

const WELCOME = Buffer.concat([
  message('R', Buffer.alloc(4)),
  message('K', Buffer.alloc(8)),
  message('Z', Buffer.from('I')),
]);
const REFUSAL = message(
  'E',
  Buffer.from('SFATAL\0VFATAL\0C08P01\0Munsupported startup parameter: options\0\0'),
);

/** Reads messages from a stream of bytes. They begin with a type, except a client's first one. */
function messageReader(take: (type: string, body: Buffer) => void): (data: Buffer) => void {
  let rest = Buffer.alloc(0);
  return (data) => {
    rest = Buffer.concat([rest, data]);
    while (rest.length >= 5) {
      const length = rest.readInt32BE(1) + 1;
      if (rest.length < length) return;
      const type = rest.toString('latin1', 0, 1);
      const body = rest.subarray(5, length);
      rest = rest.subarray(length);
      take(type, body);
    }
  };
}

/**
 * A pooler in transaction mode that is as hard on its clients as a pooler may be. It
 * gives each transaction a different session than the previous one.
 */
export class SharingPooler {
  readonly #target: string;
  readonly #fate: OptionsFate;
  readonly #size: number;
  readonly #tears: boolean;
  readonly #server: Server;
  readonly #clients = new Set<Socket>();
  readonly #queue: Borrower[] = [];
  #sessions: Promise<Lent[]> | undefined;
  #turn = 0;

  private constructor(target: string, { fate, size = 2, tears = false }: SharingPoolerOptions) {
    this.#target = target;
    this.#fate = fate;
    this.#size = size;
    this.#tears = tears;
    this.#server = createServer((socket) => this.#welcome(socket));
  }

  static async start(target: string, options: SharingPoolerOptions): Promise<SharingPooler> {
    const pooler = new SharingPooler(target, options);
    await once(pooler.#server.listen(0, '127.0.0.1'), 'listening');
    return pooler;
  }

  connectionString(query = ''): string {
    const url = new URL(this.#target);
    url.host = `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
    return `${url.href}${query === '' ? '' : `?${query}`}`;
  }

  /** Queries each session, between the clients' transactions. */
  async askEach<Row>(text: string): Promise<readonly Row[]> {
    const answers: Row[] = [];
    const client = new pg.Client(this.connectionString('sslmode=disable'));
    await client.connect();
    for (let n = 0; n < this.#size; n++) answers.push((await client.query(text)).rows[0]);
    await client.end();
    return answers;
  }

  async stop(): Promise<void> {
    this.#server.close();
    for (const socket of this.#clients) socket.destroy();
    for (const { socket } of (await this.#sessions) ?? []) socket.destroy();
  }

  #welcome(socket: Socket): void {
    const borrower: Borrower = { socket, lent: undefined, held: [], isAmidst: false, unknownSyncs: 0 };
    this.#clients.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => {
      this.#clients.delete(socket);
      // As PgBouncer does with a session whose client left in the middle of a transaction.
      borrower.lent?.socket.destroy();
    });
    socket.once('data', (data) => void this.#start(borrower, data));
  }

  async #start(borrower: Borrower, data: Buffer): Promise<void> {
    const { socket } = borrower;
    if (data.readInt32BE(4) === SSL_REQUEST) {
      socket.once('data', (next) => void this.#start(borrower, next));
      socket.write('N');
      return;
    }
    const words = data.toString('utf8', 8).split('\0');
    const at = words.findIndex((word, n) => n % 2 === 0 && word === 'options');
    const options = at < 0 ? undefined : words[at + 1];
    if (options !== undefined && this.#fate === 'refused') {
      socket.end(REFUSAL);
      return;
    }
    this.#sessions ??= this.#open(this.#fate === 'kept' ? options : undefined);
    await this.#sessions;
    socket.on(
      'data',
      messageReader((type, body) => this.#forward(borrower, type, body)),
    );
    socket.write(WELCOME);
  }

  async #open(options: string | undefined): Promise<Lent[]> {
    return await Promise.all(
      Array.from({ length: this.#size }, async () => {
        const client = new pg.Client({
          connectionString: this.#target,
          ...(options === undefined ? {} : { options }),
        });
        client.on('error', () => {});
        await client.connect();
        const { stream } = (client as unknown as { connection: { stream: Socket } }).connection;
        const lent: Lent = { client, socket: stream, borrower: undefined };
        stream.removeAllListeners('data');
        stream.on(
          'data',
          messageReader((type, body) => this.#answer(lent, type, body)),
        );
        return lent;
      }),
    );
  }

  #forward(borrower: Borrower, type: string, body: Buffer): void {
    if (type === 'X') {
      borrower.socket.end();
      return;
    }
    if (type === 'P' && borrower.isAmidst && this.#tears) {
      borrower.held.push(message('S', Buffer.alloc(0)));
      borrower.unknownSyncs++;
    }
    borrower.isAmidst = type === 'P' || (borrower.isAmidst && type !== 'S');
    borrower.held.push(message(type, body));
    if (borrower.lent === undefined && !this.#queue.includes(borrower)) this.#queue.push(borrower);
    void this.#serve();
    this.#flush(borrower);
  }

  async #serve(): Promise<void> {
    const sessions = (await this.#sessions) ?? [];
    while (this.#queue.length > 0) {
      const runSerially = sessions.map((_, n) => sessions[(this.#turn + n) % sessions.length] as Lent);
      const free = runSerially.find(({ borrower, socket }) => borrower === undefined && !socket.destroyed);
      if (free === undefined) return;
      this.#turn = sessions.indexOf(free) + 1;
      const next = this.#queue.shift() as Borrower;
      free.borrower = next;
      next.lent = free;
      this.#flush(next);
    }
  }

  #flush(borrower: Borrower): void {
    if (borrower.lent === undefined) return;
    for (const bytes of borrower.held.splice(0)) borrower.lent.socket.write(bytes);
  }

  /** A message that no client waits for, such as a notification, is dropped. */
  #answer(lent: Lent, type: string, body: Buffer): void {
    const { borrower } = lent;
    if (type === 'Z' && borrower !== undefined && borrower.unknownSyncs > 0) {
      borrower.unknownSyncs--;
      return;
    }
    borrower?.socket.write(message(type, body));
    if (type !== 'Z' || body.toString('latin1') !== 'I' || borrower === undefined) return;
    lent.borrower = undefined;
    borrower.lent = undefined;
    void this.#serve();
  }
}

import { once } from 'node:events';
import { connect as connectPlain, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { ForeignSystemFault } from './foreign-system.ts';

/** A reply of Redis. */
export type RedisReply = string | number | null | readonly RedisReply[];

/** A connection to Redis that sends commands, and gets their replies in order. */
export class RedisConnection {
  readonly #socket: Socket;
  readonly #replies: AsyncGenerator<RedisReply | Error>;

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.#replies = replies(socket);
  }

  /**
   * Connects, with the user, password and database of the URL.
   *
   * @param url `redis://` or `rediss://`.
   * @throws Error if Redis cannot be reached, or refuses.
   */
  static async open(url: URL): Promise<RedisConnection> {
    const isSecure = url.protocol === 'rediss:';
    if (!isSecure && url.protocol !== 'redis:') {
      throw new ForeignSystemFault('the address of Redis begins with redis: or rediss:');
    }
    const host = url.hostname.replace(/^\[|\]$/g, '') || '127.0.0.1';
    const place = { host, port: Number(url.port || '6379') };
    const socket = isSecure ? connectTls({ ...place, servername: host }) : connectPlain(place);
    await once(socket, isSecure ? 'secureConnect' : 'connect');
    const redis = new RedisConnection(socket);
    const [user, password] = [decodeURIComponent(url.username), decodeURIComponent(url.password)];
    if (password !== '') await redis.call('AUTH', ...(user === '' ? [] : [user]), password);
    if (url.pathname.length > 1) await redis.call('SELECT', url.pathname.slice(1));
    return redis;
  }

  /** Sends a command. @throws Error if it is refused, or the connection ends. */
  async call(...command: readonly string[]): Promise<RedisReply> {
    const [reply] = await this.all([command]);
    return reply as RedisReply;
  }

  /** Sends commands at once. @returns their replies. @throws Error if one is refused, or the connection ends. */
  async all(commands: readonly (readonly string[])[]): Promise<readonly RedisReply[]> {
    this.#socket.write(commands.map(encode).join(''));
    const answers: (RedisReply | Error)[] = [];
    for (const _ of commands) {
      const next = await this.#replies.next();
      if (next.done === true) throw new Error('Redis has closed the connection');
      answers.push(next.value);
    }
    return answers.map((answer) => {
      if (answer instanceof Error) throw answer;
      return answer;
    });
  }

  close(): void {
    this.#socket.destroy();
  }
}

function encode(command: readonly string[]): string {
  const parts = command.map((part) => `$${Buffer.byteLength(part)}\r\n${part}\r\n`);
  return `*${command.length}\r\n${parts.join('')}`;
}

/** The replies of a connection, as RESP2 has them. */
async function* replies(socket: AsyncIterable<Buffer>): AsyncGenerator<RedisReply | Error> {
  const input = socket[Symbol.asyncIterator]();
  let bytes = Buffer.alloc(0);
  const more = async () => {
    const next = await input.next();
    if (next.done === true) throw new Error('Redis has closed the connection');
    bytes = Buffer.concat([bytes, next.value]);
  };
  const line = async (): Promise<string> => {
    let end = bytes.indexOf('\r\n');
    while (end < 0) {
      await more();
      end = bytes.indexOf('\r\n');
    }
    const text = bytes.toString('utf8', 0, end);
    bytes = bytes.subarray(end + 2);
    return text;
  };
  const reply = async (): Promise<RedisReply | Error> => {
    const head = await line();
    const rest = head.slice(1);
    switch (head[0]) {
      case '+':
        return rest;
      case '-':
        return new Error(`Redis: ${rest}`);
      case ':':
        return Number(rest);
      case '$': {
        const length = Number(rest);
        if (length < 0) return null;
        while (bytes.length < length + 2) await more();
        const text = bytes.toString('utf8', 0, length);
        bytes = bytes.subarray(length + 2);
        return text;
      }
      case '*': {
        const elements: RedisReply[] = [];
        if (Number(rest) < 0) return null;
        for (let n = Number(rest); n > 0; n--) {
          const element = await reply();
          if (element instanceof Error) return element;
          elements.push(element);
        }
        return elements;
      }
      default:
        throw new ForeignSystemFault('what answers is no Redis');
    }
  };
  for (;;) yield await reply();
}

import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

/** The queue of the attackers. */
export const ATTACKED = 'attacked';

/** A server under attack. */
export interface Target {
  readonly port: number;
  /** Ends the attack. */
  readonly signal: AbortSignal;
}

/** A pause between two attempts, in milliseconds: the attackers leave some processor to the others. */
const PAUSE_MS = 50;

/** What one connection of an attack sends. It may wait, and may leave the connection open. */
type Script = (socket: Socket, signal: AbortSignal) => Promise<void> | void;

/** Runs a script on many connections, again as often as the server closes one. */
async function onConnections(
  { port, signal }: Target,
  { count, reads }: { readonly count: number; readonly reads: boolean },
  script: Script,
): Promise<void> {
  const one = async () => {
    while (!signal.aborted) {
      await converse(connect(port, '127.0.0.1'), reads, script, signal);
      await delay(PAUSE_MS);
    }
  };
  await Promise.all(Array.from({ length: count }, one));
}

function converse(socket: Socket, reads: boolean, script: Script, signal: AbortSignal): Promise<void> {
  const { promise: closed, resolve } = Promise.withResolvers<void>();
  const end = () => socket.destroy();
  signal.addEventListener('abort', end);
  socket.on('error', () => {});
  socket.once('close', () => {
    signal.removeEventListener('abort', end);
    resolve();
  });
  if (reads) socket.resume();
  else socket.pause();
  socket.once('connect', () => void script(socket, signal));
  if (signal.aborted) end();
  return closed;
}

function head(path: string, framing: string): string {
  return `POST /v1/${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n${framing}\r\n\r\n`;
}

function call(path: string, body: object): string {
  const text = JSON.stringify(body);
  return head(path, `Content-Length: ${Buffer.byteLength(text)}`) + text;
}

/** Writes, and waits until the operating system has taken it or the connection is closed. */
async function write(socket: Socket, text: string): Promise<void> {
  if (socket.write(text) || socket.destroyed) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  const taken = () => {
    socket.off('drain', taken).off('close', taken);
    resolve();
  };
  socket.on('drain', taken).on('close', taken);
  await promise;
}

const GREAT = 'x'.repeat(4_500_000);
const CHUNKS = '1\r\nx\r\n'.repeat(5_000);

/** Attacks by what they do. Each holds or sends more than a server can afford for one client. */
export const ATTACKS: Readonly<Record<string, (target: Target, scale: number) => Promise<void>>> = {
  'idle connections': (target, scale) => onConnections(target, { count: 500 * scale, reads: true }, () => {}),

  'half-sent headers': (target, scale) =>
    onConnections(target, { count: 50 * scale, reads: true }, (socket) => {
      socket.write(`POST /v1/queue.produce HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Pad: ${'x'.repeat(10_000)}`);
    }),

  'bodies that never end': (target, scale) =>
    onConnections(target, { count: 20 * scale, reads: true }, async (socket) => {
      await write(socket, head('storage/items.import', 'Content-Length: 63000000'));
      await write(socket, ' '.repeat(10_000_000));
    }),

  'chunks of a byte': (target, scale) =>
    onConnections(target, { count: 2 * scale, reads: true }, async (socket, signal) => {
      await write(socket, head('queue.produce', 'Transfer-Encoding: chunked'));
      while (!socket.destroyed && !signal.aborted) {
        await write(socket, CHUNKS);
        await delay(10 * PAUSE_MS);
      }
    }),

  'great produces': (target, scale) =>
    onConnections(target, { count: 10 * scale, reads: true }, async (socket, signal) => {
      // No such queue: storage would fill up otherwise, which is not the subject.
      const request = { queue_name: 'none', request_timeout: '30s', items: [{ utf8: GREAT }] };
      while (!socket.destroyed && !signal.aborted) {
        await write(socket, call('queue.produce', request));
        await delay(10 * PAUSE_MS);
      }
    }),

  'lists that nobody reads': (target, scale) =>
    onConnections(target, { count: 10 * scale, reads: false }, async (socket) => {
      const list = call('storage/items.list', { queue_name: ATTACKED, partition: 0, limit: 100 });
      await write(socket, list.repeat(100));
    }),

  'pipelined metrics that nobody reads': (target, scale) =>
    onConnections(target, { count: 2 * scale, reads: false }, async (socket) => {
      await write(socket, 'GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n'.repeat(200));
    }),

  'consumers with long names': (target, scale) =>
    onConnections(target, { count: 100 * scale, reads: true }, async (socket) => {
      const lease = { queue_name: 'empty', batch_size: 1, request_timeout: '15m' };
      const client_id = `${Math.random()}`.padEnd(200_000, 'x');
      await write(socket, call('queue.lease', { ...lease, client_id }));
    }),
};

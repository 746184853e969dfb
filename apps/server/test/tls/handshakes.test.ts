import { once } from 'node:events';
import { type AddressInfo, connect } from 'node:net';
import { connect as connectTls, createServer, type Server } from 'node:tls';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { limitHandshakes } from '../../src/http/node/limit-handshakes.ts';
import { TlsFolder } from './support/tls-folder.ts';

let files: TlsFolder;
let server: Server;

beforeAll(async () => {
  files = await TlsFolder.create();
  server = createServer(await files.issue('server'));
  limitHandshakes(server, 2);
  await once(server.listen(0, '127.0.0.1'), 'listening');
});
afterAll(async () => {
  server.close();
  await files.remove();
});

const port = () => (server.address() as AddressInfo).port;

/** A client that connects, and sends nothing. */
async function silent() {
  const accepted = once(server, 'connection');
  const socket = connect(port(), '127.0.0.1');
  await accepted;
  return { socket, closed: once(socket, 'close') };
}

/** A client that finishes its handshake, and then sends nothing. */
async function honestClient() {
  const secured = once(server, 'secureConnection');
  const socket = connectTls({ port: port(), host: '127.0.0.1', ca: files.authority.cert });
  await Promise.all([secured, once(socket, 'secureConnect')]);
  return socket;
}

test('past the limit the oldest handshake is closed, and finished ones do not count', async () => {
  const secured = [await honestClient(), await honestClient(), await honestClient()];
  const first = await silent();
  const second = await silent();
  const third = await silent();
  await first.closed;
  const honest = await honestClient();
  await second.closed;
  expect([third.socket.destroyed, ...secured.map(({ destroyed }) => destroyed)]).toEqual([
    ...[false, false, false, false],
  ]);
  for (const socket of [honest, third.socket, ...secured]) socket.destroy();
});

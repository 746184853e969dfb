import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { createClient } from '@querator/client';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { TlsFolder } from './support/tls-folder.ts';

let files: TlsFolder;
let server: Server;
let ca: string;
/** The connections since the start of the test. */
let connections: { alpnProtocol: string | null | false; servername: unknown; isResumed: boolean }[];
/** What the server says of each connection. */
let connectionHeader: string;

beforeAll(async () => {
  files = await TlsFolder.create();
  ca = await readFile(files.ca, 'utf8');
  const [cert, key] = await Promise.all([readFile(files.cert), readFile(files.key)]);
  server = createServer({ cert, key, ALPNProtocols: ['h2', 'http/1.1'] }, (request, response) => {
    request.resume();
    const headers = { 'Content-Type': 'application/protobuf', Connection: connectionHeader };
    request.on('end', () => response.writeHead(200, headers).end());
  });
  server.on('secureConnection', (socket: TLSSocket) => {
    const { alpnProtocol, servername } = socket;
    connections.push({ alpnProtocol, servername, isResumed: socket.isSessionReused() });
  });
  await once(server.listen(0), 'listening');
});
beforeEach(() => {
  connections = [];
  connectionHeader = 'keep-alive';
});
afterAll(async () => {
  server.closeAllConnections();
  server.close();
  await files.remove();
});

const clientOf = (host: string) =>
  createClient({ endpoint: `https://${host}:${(server.address() as AddressInfo).port}`, tls: { ca } });

test('calls over TLS share a connection of HTTP/1.1, which names the server', async () => {
  const client = clientOf('localhost');
  for (let call = 0; call < 3; call++) await client.queues.list({});
  expect(connections.map(({ alpnProtocol, servername }) => [alpnProtocol, servername])).toEqual([
    ['http/1.1', 'localhost'],
  ]);
});

test('the next connection resumes the session of the last one', async () => {
  connectionHeader = 'close';
  const client = clientOf('localhost');
  for (let call = 0; call < 2; call++) await client.queues.list({});
  expect(connections.map(({ isResumed }) => isResumed)).toEqual([false, true]);
});

test('an address is checked against the certificate, and is no server name', async () => {
  await clientOf('127.0.0.1').queues.list({});
  expect(connections.map(({ servername }) => servername)).toEqual([false]);
  // The certificate does not name this address.
  await expect(clientOf('127.0.0.2').queues.list({})).rejects.toMatchObject({
    name: 'ConnectError',
    message: expect.stringContaining('127.0.0.2'),
  });
});

test('settings that are no PEM are an error of the program, not of the connection', async () => {
  const client = createClient({ endpoint: 'https://localhost:1', tls: { cert: 'x', key: 'y' } });
  await expect(client.queues.list({})).rejects.not.toHaveProperty('outcome');
});

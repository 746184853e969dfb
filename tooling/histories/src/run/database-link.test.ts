import { once } from 'node:events';
import net from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { DatabaseLink } from './database-link.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** A server that answers with its name. @returns its connection string. */
async function server(name: string): Promise<string> {
  const listener = net.createServer((socket) => {
    socket.on('error', () => {});
    socket.write(name);
  });
  await once(listener.listen(0, '127.0.0.1'), 'listening');
  cleanups.push(() => listener.close());
  return `postgres://u:p@127.0.0.1:${(listener.address() as net.AddressInfo).port}/db`;
}

async function openWay(servers: readonly string[]): Promise<DatabaseLink> {
  const link = await DatabaseLink.open(servers);
  cleanups.push(() => link.close());
  return link;
}

function connect(host: string): net.Socket {
  const [address, port] = host.split(':');
  const socket = net.connect(Number(port), address);
  socket.on('error', () => {});
  return socket;
}

/** Waits until the connection is closed or reset. */
const closed = (socket: net.Socket) => new Promise((resolve) => socket.on('close', resolve));
const hostsOf = ({ connectionString }: DatabaseLink) =>
  /@([^/]+)\//.exec(connectionString)?.[1]?.split(',') ?? [];

test('one server: its connection string leads through the link', async () => {
  const link = await openWay([await server('first')]);
  expect(link.connectionString).toMatch(/^postgres:\/\/u:p@127\.0\.0\.1:\d+\/db$/);
});

test('two servers: both hosts in their order, with target_session_attrs=read-write', async () => {
  const link = await openWay([await server('first'), await server('second')]);
  expect(link.connectionString).toMatch(/^postgres:\/\/u:p@[^/]+\/db\?target_session_attrs=read-write$/);
  const names = hostsOf(link).map(async (host) => String((await once(connect(host), 'data'))[0]));
  expect(await Promise.all(names)).toEqual(['first', 'second']);
});

test('a fault of the link affects the links to both hosts', async () => {
  const link = await openWay([await server('first'), await server('second')]);
  const sockets = hostsOf(link).map(connect);
  await Promise.all(sockets.map((socket) => once(socket, 'data')));
  const allClosed = Promise.all(sockets.map(closed));
  link.cut();
  await allClosed;
  link.cutAtAnswers();
  await Promise.all(hostsOf(link).map((host) => closed(connect(host))));
  link.restore();
  await Promise.all(hostsOf(link).map((host) => once(connect(host), 'data')));
});

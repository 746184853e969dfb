import { once } from 'node:events';
import net from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { Way } from './way.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** A server that says its name. @returns a connection string that leads to it. */
async function server(name: string): Promise<string> {
  const listener = net.createServer((socket) => {
    socket.on('error', () => {});
    socket.write(name);
  });
  await once(listener.listen(0, '127.0.0.1'), 'listening');
  cleanups.push(() => listener.close());
  return `postgres://u:p@127.0.0.1:${(listener.address() as net.AddressInfo).port}/db`;
}

async function openWay(servers: readonly string[]): Promise<Way> {
  const way = await Way.open(servers);
  cleanups.push(() => way.close());
  return way;
}

function connect(host: string): net.Socket {
  const [address, port] = host.split(':');
  const socket = net.connect(Number(port), address);
  socket.on('error', () => {});
  return socket;
}

/** Until it is closed, be it by a reset. */
const closed = (socket: net.Socket) => new Promise((resolve) => socket.on('close', resolve));
const hostsOf = ({ connectionString }: Way) => /@([^/]+)\//.exec(connectionString)?.[1]?.split(',') ?? [];

test('one server: its string, with the way in between', async () => {
  const way = await openWay([await server('first')]);
  expect(way.connectionString).toMatch(/^postgres:\/\/u:p@127\.0\.0\.1:\d+\/db$/);
});

test('two servers: both hosts in their order, and the one that takes writes is wanted', async () => {
  const way = await openWay([await server('first'), await server('second')]);
  expect(way.connectionString).toMatch(/^postgres:\/\/u:p@[^/]+\/db\?target_session_attrs=read-write$/);
  const names = hostsOf(way).map(async (host) => String((await once(connect(host), 'data'))[0]));
  expect(await Promise.all(names)).toEqual(['first', 'second']);
});

test('what happens to it happens on the way to each', async () => {
  const way = await openWay([await server('first'), await server('second')]);
  const sockets = hostsOf(way).map(connect);
  await Promise.all(sockets.map((socket) => once(socket, 'data')));
  const allClosed = Promise.all(sockets.map(closed));
  way.cut();
  await allClosed;
  way.cutAtAnswers();
  await Promise.all(hostsOf(way).map((host) => closed(connect(host))));
  way.restore();
  await Promise.all(hostsOf(way).map((host) => once(connect(host), 'data')));
});

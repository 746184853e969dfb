import { once } from 'node:events';
import { createServer, request, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { limitConnections } from '../../src/http/node/limit-connections.ts';

let server: Server;
/** Each ends one served request, the oldest first. */
let finish: (() => void)[];
/** Called when the server gets another request. */
let taken: (() => void)[];

beforeEach(async () => {
  finish = [];
  taken = [];
  server = createServer((_, reply) => {
    finish.push(() => reply.end('served'));
    taken.shift()?.();
  });
  limitConnections(server, 2);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});

afterEach(() => {
  server.close();
  server.closeAllConnections();
});

const port = () => (server.address() as AddressInfo).port;

function ask(): Promise<string> {
  return new Promise((resolve, reject) => {
    const call = request({ port: port(), host: '127.0.0.1', agent: false }, (reply) => {
      reply.setEncoding('utf8');
      reply.on('data', resolve);
    });
    call.on('error', reject);
    call.end();
  });
}

/** Sends a request, and waits until the server has got it. */
async function askServed(): Promise<Promise<string>[]> {
  const served = new Promise<void>((resolve) => taken.push(resolve));
  const answer = ask();
  await served;
  return [answer];
}

test('connections beyond the limit wait unread, and are served in order when others close', async () => {
  const [first] = await askServed();
  const [second] = await askServed();
  const connected = once(server, 'connection');
  const third = ask();
  await connected;
  // A full round trip over the loopback: if the server read the third request, it would have it by now.
  const probe = connect(port(), '127.0.0.1');
  await once(probe, 'connect');
  expect(finish).toHaveLength(2);

  const taking = new Promise<void>((resolve) => taken.push(resolve));
  finish[0]?.();
  expect(await first).toBe('served');
  await taking;
  finish[2]?.();
  expect(await third).toBe('served');
  finish[1]?.();
  expect(await second).toBe('served');
  probe.destroy();
});

test('one that leaves while it waits gives its place to nobody, and takes none', async () => {
  const [first] = await askServed();
  const [second] = await askServed();
  const connected = once(server, 'connection');
  const leaving = connect(port(), '127.0.0.1');
  await connected;
  leaving.resetAndDestroy();
  const third = ask();
  const taking = new Promise<void>((resolve) => taken.push(resolve));
  finish[0]?.();
  await first;
  finish[1]?.();
  await second;
  await taking;
  finish[2]?.();
  expect(await third).toBe('served');
});

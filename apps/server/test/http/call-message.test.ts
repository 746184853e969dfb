import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { expect, test } from 'vitest';
import { CallMessage } from '../../src/http/node/call-message.ts';

test('a body longer than announced is cut off, even if Node accepts both lengths', async () => {
  const received: string[] = [];
  const server = createServer(
    { IncomingMessage: CallMessage, insecureHTTPParser: true },
    (incoming, outgoing) => {
      let body = '';
      incoming.takeBody(Number(incoming.headers['content-length']), {
        piece: (bytes) => {
          body += Buffer.from(bytes).toString();
        },
        complete: () => {
          received.push(body);
          outgoing.end('ok');
        },
      });
    },
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const send = async (chunk: string) => {
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
    socket.end(
      'POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n' +
        `${chunk.length.toString(16)}\r\n${chunk}\r\n0\r\n\r\n`,
    );
    let reply = '';
    // The server resets the connection, which is an error for a client that still sends.
    socket.on('error', () => {});
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.setEncoding('latin1').on('data', (text) => {
      reply += text;
    });
    await closed;
    return reply;
  };
  expect(await send('short')).toContain('200 OK');
  expect(await send('longer')).toBe('');
  expect(await send('x'.repeat(100_000))).toBe('');
  expect(received).toEqual(['short']);
  server.close();
});

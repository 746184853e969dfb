import { once } from 'node:events';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { makeAuthority } from '@querator/tooling-postgres/tls';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { callHeadersOf } from '../../src/http/call/call-headers.ts';
import { callSecurely } from './support/https-call.ts';
import { TlsFolder } from './support/tls-folder.ts';

let files: TlsFolder;
let server: Server;

/** Replies with the name that a call would have. */
beforeAll(async () => {
  files = await TlsFolder.create();
  const pair = await files.issue('server');
  const options = { ...pair, ca: files.authority.cert, requestCert: true, rejectUnauthorized: false };
  server = createServer(options, (request, reply) => {
    const { clientCertificate } = callHeadersOf(request.rawHeaders, request.socket);
    reply.end(JSON.stringify({ clientCertificate }));
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
});
afterAll(async () => {
  server.close();
  await files.remove();
});

async function nameOf(client: { readonly cert: string; readonly key: string } | undefined): Promise<unknown> {
  const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const { text } = await callSecurely(url, { ca: files.authority.cert, ...client });
  return JSON.parse(text).clientCertificate;
}

test('a call knows the common name of a verified certificate, and no other', async () => {
  expect(await nameOf(await files.authority.issue({ commonName: 'alice' }))).toBe('alice');
  expect(await nameOf(undefined)).toBeUndefined();
  const stranger = await (await makeAuthority('Other CA')).issue({ commonName: 'alice' });
  expect(await nameOf(stranger)).toBeUndefined();
});

test('a call without TLS has none', () => {
  expect(callHeadersOf(['Accept', '*/*']).clientCertificate).toBeUndefined();
});

import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';

/** The names found so far. Node parses the certificate anew at each question. */
const names = new WeakMap<Socket, string | undefined>();

/**
 * The common name of the client's certificate. Undefined: the client sent none,
 * or none that a configured authority signed.
 */
export function clientCertificateOf(socket: Socket | undefined): string | undefined {
  if (!(socket instanceof TLSSocket) || !socket.authorized) return undefined;
  if (names.has(socket)) return names.get(socket);
  const name = commonNameOf(socket);
  names.set(socket, name);
  return name;
}

function commonNameOf(socket: TLSSocket): string | undefined {
  const { CN: name } = socket.getPeerCertificate().subject ?? {};
  // With several common names it is unclear which of them counts.
  return typeof name === 'string' && name !== '' ? name : undefined;
}

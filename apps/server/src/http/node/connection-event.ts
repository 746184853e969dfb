import type { Server } from 'node:http';
import { Server as TlsServer } from 'node:tls';

/**
 * The event with the socket that requests of a connection come from. With TLS
 * that is the encrypted socket, after its handshake. The event `connection` has
 * the TCP socket under it.
 */
export function connectionEvent(http: Server): 'connection' | 'secureConnection' {
  return http instanceof TlsServer ? 'secureConnection' : 'connection';
}

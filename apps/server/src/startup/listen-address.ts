import { once } from 'node:events';
import type { Server } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import { Server as TlsServer } from 'node:tls';
import { ConfigError } from '../config/config-error.ts';

/**
 * Where several processes can listen on one port, the kernel spreads the
 * connections over them. Elsewhere Node's parent process passes each one on,
 * and a worker that is killed leaves those on their way to it unanswered.
 */
const CAN_REUSE_PORT = process.platform === 'linux' || process.platform === 'freebsd';

/** A host and a port to listen on. An empty host means all addresses. */
export interface ListenOptions {
  readonly host: string;
  readonly port: number;
}

/** Reads `host:port`. @throws ConfigError */
function listenOptions(address: string): ListenOptions {
  const { host, port } = splitAddress(address);
  // The reference does the same. The machine would decide which loopback address `localhost` is.
  return { host: host === 'localhost' ? '127.0.0.1' : host, port };
}

/**
 * Starts to listen.
 *
 * @param isShared whether other processes listen on the same port.
 * @throws Error with a text for people.
 */
export async function listen(http: Server, address: string, isShared: boolean): Promise<void> {
  const { host, port } = listenOptions(address);
  http.listen({ port, ...(host === '' ? {} : { host }), reusePort: isShared && CAN_REUSE_PORT });
  try {
    await once(http, 'listening');
  } catch (error) {
    throw listenError(address, error);
  }
}

/** The error of an address that cannot be listened on, with a text for people. */
function listenError(address: string, error: unknown): Error {
  const { code, message } = error as NodeJS.ErrnoException;
  const reason = code === 'EADDRINUSE' ? 'the address is already in use' : message;
  return new Error(`while starting HTTP listener: listen tcp ${address}: ${reason}`, { cause: error });
}

/**
 * Checks that several processes can listen on an address. So one that is in use
 * is reported once, instead of in each worker again and again.
 *
 * @throws Error with a text for people.
 */
export async function tryAddress(address: string): Promise<void> {
  const { host, port } = listenOptions(address);
  if (port === 0)
    throw new Error('several workers need a fixed port; with port 0 each worker would get its own');
  const server = createServer();
  server.listen({ port, ...(host === '' ? {} : { host }) });
  try {
    await once(server, 'listening');
  } catch (error) {
    throw listenError(address, error);
  }
  server.close();
  await once(server, 'close');
}

/** The URL of a listener, with the port that it got. */
export function urlOf(http: Server, address: string): string {
  const { port } = http.address() as AddressInfo;
  const scheme = http instanceof TlsServer ? 'https' : 'http';
  return `${scheme}://${address.slice(0, address.lastIndexOf(':')) || 'localhost'}:${port}`;
}

/** Splits `host:port`. The host may be an IPv6 address in brackets. */
function splitAddress(address: string): ListenOptions {
  const colon = address.lastIndexOf(':');
  const host = address.slice(0, colon).replace(/^\[(.*)\]$/, '$1');
  const port = Number(address.slice(colon + 1));
  if (colon < 0 || !Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new ConfigError(`invalid address '${address}'; expected host:port, such as localhost:2319`);
  }
  return { host, port };
}

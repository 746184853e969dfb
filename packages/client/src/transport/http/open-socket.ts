import * as net from 'node:net';
import * as tls from 'node:tls';

/** TLS settings of a client. All texts are PEM. */
export interface ClientTls {
  /** The certificates that sign the server's. Undefined: those that Node trusts. */
  readonly ca?: string | undefined;
  /** The client's own certificate, for servers that ask for one. */
  readonly cert?: string | undefined;
  /** The key of `cert`. */
  readonly key?: string | undefined;
}

/** A socket on its way to a server. */
export interface OpeningSocket {
  readonly socket: net.Socket;
  /** The event after which requests may be sent. An error before it means that nothing was sent. */
  readonly openEvent: 'connect' | 'secureConnect';
}

/** An idle connection is probed after this time, so that the system notices a server that is gone. */
const PROBE_AFTER_MS = 1_000;
const PORTS: Readonly<Record<string, number>> = { 'http:': 80, 'https:': 443 };

/**
 * Makes the function that opens connections to the server of a URL.
 *
 * @returns a function that throws if the TLS settings are unusable.
 */
export function socketOpener(url: URL, tlsSettings: ClientTls): () => OpeningSocket {
  // An IPv6 address is in brackets in a URL.
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  const address = {
    host,
    port: url.port === '' ? (PORTS[url.protocol] as number) : Number(url.port),
    ...{ noDelay: true, keepAlive: true, keepAliveInitialDelay: PROBE_AFTER_MS },
  };
  if (url.protocol === 'http:') return () => ({ socket: net.connect(address), openEvent: 'connect' });
  // The next handshake is shorter with what the server sent after the last one.
  let session: Buffer | undefined;
  // An address is no server name.
  const servername = net.isIP(host) === 0 ? host : '';
  return () => {
    const options = { ...address, ...tlsSettings, servername, session, ALPNProtocols: ['http/1.1'] };
    const socket = tls.connect(options);
    socket.on('session', (received) => {
      session = received;
    });
    socket.on('error', () => {
      session = undefined;
    });
    return { socket, openEvent: 'secureConnect' };
  };
}

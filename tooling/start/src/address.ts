import { createServer } from 'node:net';
import { StartFailed } from './start-failed.ts';

/** The listening address of the server. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

/** Reads `host:port`; the host may be empty, or an IPv6 address in brackets. */
export function parseAddress(text: string): Address {
  const cut = text.lastIndexOf(':');
  const port = Number(text.slice(cut + 1));
  if (cut < 0 || text.slice(cut + 1) === '' || !Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new StartFailed(`'${text}' is not an address: expected host:port, such as localhost:2319.`);
  }
  return { host: text.slice(0, cut).replace(/^\[(.*)\]$/, '$1'), port };
}

const EVERYWHERE = new Set(['', '0.0.0.0', '::']);

/** The host and port by which a client on this machine reaches the address. */
export function reachableAt({ host, port }: Address): string {
  const name = EVERYWHERE.has(host) ? 'localhost' : host;
  return `${name.includes(':') ? `[${name}]` : name}:${port}`;
}

/** The same host with the next port, for another server. */
export function neighbour({ host, port }: Address): Address {
  return { host, port: port === 65_535 ? port - 1 : port + 1 };
}

/** Fails if the address cannot be used for listening. Called before the database starts. */
export async function expectFree({ host, port }: Address): Promise<void> {
  const error = await new Promise<NodeJS.ErrnoException | undefined>((resolve) => {
    const probe = createServer();
    probe.once('error', resolve);
    const listening = () => probe.close(() => resolve(undefined));
    if (host === '') probe.listen(port, listening);
    else probe.listen(port, host, listening);
  });
  if (error === undefined) return;
  if (error.code === 'EADDRINUSE') {
    throw new StartFailed(
      `Port ${port} is already in use, perhaps by another Querator. Stop that one, or choose another port:\n` +
        `  npm start -- --address ${reachableAt(neighbour({ host, port }))}`,
    );
  }
  throw new StartFailed(`Cannot listen on ${host}:${port}: ${error.message}`);
}

/** A server that a connection string names. */
export interface Host {
  /** A name, an address, or the folder of a Unix socket. Undefined: PGHOST, or localhost. */
  readonly host?: string;
  /** Undefined: PGPORT, or 5432. */
  readonly port?: number;
}

/** Hosts and ports as libpq keeps them: two lists, separated by commas. */
export interface HostLists {
  readonly hosts: string;
  readonly ports: string;
}

/**
 * Splits `h1:p1,[::1]:p2,h3`, which is still percent-encoded.
 *
 * @throws Error that does not quote the text: if an '@' is missing, it may contain the
 *   password.
 */
export function splitHosts(text: string): HostLists {
  const pairs = text.split(',').map((part) => {
    const [, bracketed, plain, port = ''] = /^(?:\[([^\]]*)\]|([^:]*))(?::(\d*))?$/.exec(part) ?? [];
    const host = bracketed ?? plain;
    if (host === undefined) throw new Error('the host or the port is malformed');
    return { host, port };
  });
  return { hosts: pairs.map(({ host }) => host).join(','), ports: pairs.map(({ port }) => port).join(',') };
}

/**
 * Pairs hosts with ports. A single port serves all hosts; otherwise each host has one,
 * and an empty one is the default.
 *
 * @throws Error when their numbers differ, or a port is not valid.
 */
export function pairHosts({ hosts, ports }: HostLists): readonly Host[] {
  const names = hosts.split(',');
  const numbers = ports.split(',').map(parsePort);
  if (numbers.length > 1 && numbers.length !== names.length) {
    throw new Error(`${numbers.length} ports do not match ${names.length} hosts`);
  }
  return names.map((host, i) => {
    const port = numbers.length === 1 ? numbers[0] : numbers[i];
    return { ...(host === '' ? {} : { host }), ...(port === undefined ? {} : { port }) };
  });
}

function parsePort(text: string): number | undefined {
  if (text === '') return undefined;
  const port = Number(text);
  if (!/^\d+$/.test(text) || port < 1 || port > 65_535) {
    throw new Error('the port must be a number between 1 and 65535');
  }
  return port;
}

/** Whether the host is reached through a Unix socket. */
export function isSocketFolder(host: Host): boolean {
  return host.host?.startsWith('/') ?? false;
}

/** The host's name for errors and the log. */
export function hostName({ host = 'localhost', port = 5432 }: Host): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

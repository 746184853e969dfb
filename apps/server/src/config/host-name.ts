import { BlockList, isIP } from 'node:net';

/** A host in the form of the `Host` header, in lower case. */
export interface HostName {
  /** A name without its final dot, or an address. An IPv6 address has no brackets. */
  readonly name: string;
  /** Undefined: not given. */
  readonly port: string | undefined;
}

/** The longest name in DNS has 253 characters. */
const MOST_CHARACTERS = 300;
const ADDRESS_6 = String.raw`\[(?<address>[0-9a-f:.]+)\]`;
const NAME = String.raw`(?<name>[0-9a-z_-]+(?:\.[0-9a-z_-]+)*)\.?`;
const HOST = new RegExp(`^(?:${ADDRESS_6}|${NAME})(?::(?<port>[0-9]{1,5}))?$`);

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4');
LOOPBACK.addAddress('::1', 'ipv6');

/** Reads `name`, `name:port`, `address:port` or `[address]:port`. Undefined: it has another form. */
export function parseHost(text: string): HostName | undefined {
  if (text.length > MOST_CHARACTERS) return undefined;
  const found = HOST.exec(text.toLowerCase())?.groups;
  const name = found?.['address'] ?? found?.['name'];
  // Refuses what the pattern lets pass, such as addresses with too many parts.
  if (name === undefined || !URL.canParse(`http://${text}`)) return undefined;
  return { name, port: found?.['port'] };
}

/** Whether a name or an address is one of this machine's own: `localhost`, 127.0.0.0/8, ::1. */
export function isLoopback(name: string): boolean {
  const version = isIP(name);
  if (version === 0) return name === 'localhost' || name.endsWith('.localhost');
  return LOOPBACK.check(name, version === 6 ? 'ipv6' : 'ipv4');
}

import { BlockList, isIP } from 'node:net';
import { addNetwork } from '../../config/network.ts';
import type { CallHeaders } from './call-headers.ts';

/** Hops that are read of `X-Forwarded-For`, from its end. */
const MOST_HOPS = 20;
const WITH_PORT = /^\[([^\]]+)\](?::\d{1,5})?$|^(\d+\.\d+\.\d+\.\d+):\d{1,5}$/;

/**
 * Finds the addresses of clients, also behind proxies. Only proxies that the
 * operator trusts may say for whom they speak: everybody else could invent
 * addresses, one for each request.
 */
export class ClientAddresses {
  readonly #trusted: BlockList | undefined;

  /** @param trusted addresses and networks of proxies, checked. */
  constructor(trusted: readonly string[]) {
    if (trusted.length === 0) return;
    this.#trusted = new BlockList();
    for (const network of trusted) addNetwork(this.#trusted, network);
  }

  /** The last address on the way of a request that is no trusted proxy. */
  of({ address, forwardedFor }: Pick<CallHeaders, 'address' | 'forwardedFor'>): string {
    if (forwardedFor === undefined || !this.#isTrusted(address)) return address;
    let client = address;
    const hops = forwardedFor.split(',').slice(-MOST_HOPS);
    for (const hop of hops.reverse()) {
      const next = addressOf(hop.trim());
      // What a proxy could not read, it did not check either.
      if (next === undefined) return client;
      client = next;
      if (!this.#isTrusted(client)) return client;
    }
    return client;
  }

  #isTrusted(address: string): boolean {
    const family = this.#trusted === undefined ? 0 : isIP(address);
    return family !== 0 && this.#trusted?.check(address, family === 4 ? 'ipv4' : 'ipv6') === true;
  }
}

/** The address in an entry of `X-Forwarded-For`, which may have a port. */
function addressOf(entry: string): string | undefined {
  const [, v6, v4] = WITH_PORT.exec(entry) ?? [];
  const address = v6 ?? v4 ?? entry;
  return isIP(address) === 0 ? undefined : address;
}

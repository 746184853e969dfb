import { errorText, invalid, QueueError } from '@querator/core';
import { type HostName, isLoopback, parseHost } from '../../config/host-name.ts';

/** Which hosts a request may name. */
export interface HostRuleOptions {
  /** The entries of `allowed-hosts`. */
  readonly allowed: readonly string[];
  /**
   * Whether the listener has a loopback address. Then loopback names pass too,
   * and no other name does without being listed.
   */
  readonly onLoopback: boolean;
}

/**
 * Checks the `Host` header. A page whose name resolves to this machine (DNS
 * rebinding) is same-origin for its browser, and only `Host` gives it away.
 */
export class HostRule {
  readonly #allowed: readonly AllowedHost[];
  readonly #onLoopback: boolean;
  /** The last value that passed. Nearly all requests have the same. */
  #passed: string | undefined;

  constructor({ allowed, onLoopback }: HostRuleOptions) {
    this.#allowed = allowed.map(toAllowedHost);
    this.#onLoopback = onLoopback;
  }

  /** @throws QueueError `invalid` if it names no host or several, `forbidden` if the host is not allowed. */
  check(header: string): void {
    if (header === this.#passed) return;
    const host = parseHost(header);
    if (host === undefined) {
      throw invalid(errorText`Host header '${header}' is invalid; expected one host, with or without a port`);
    }
    if (!this.#allows(host)) throw this.#refused(header);
    this.#passed = header;
  }

  #allows(host: HostName): boolean {
    if (this.#onLoopback ? isLoopback(host.name) : this.#allowed.length === 0) return true;
    return this.#allowed.some((allowed) => matches(allowed, host));
  }

  #refused(header: string): QueueError {
    const fault = this.#onLoopback
      ? "is no name of this machine and not in 'allowed-hosts'"
      : "is not in 'allowed-hosts'";
    return new QueueError('forbidden', errorText`access denied; Host header '${header}' ${fault}`);
  }
}

interface AllowedHost extends HostName {
  /** Whether every name below `name` is allowed, and not `name` itself. */
  readonly isParent: boolean;
}

function toAllowedHost(entry: string): AllowedHost {
  const isParent = entry.startsWith('.');
  const host = parseHost(isParent ? entry.slice(1) : entry);
  if (host === undefined) throw new Error(`'${entry}' is no host`);
  return { ...host, isParent };
}

function matches({ name, port, isParent }: AllowedHost, host: HostName): boolean {
  if (port !== undefined && port !== host.port) return false;
  return isParent ? host.name.endsWith(`.${name}`) : host.name === name;
}

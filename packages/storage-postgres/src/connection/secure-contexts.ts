import tls, { type SecureContextOptions } from 'node:tls';

/**
 * Keeps the last TLS context while its inputs stay the same. Parsing the hundreds of
 * certificates of a system takes 0.1 s.
 */
export class SecureContexts {
  #last: { readonly options: SecureContextOptions; readonly context: tls.SecureContext } | undefined;

  /** @throws Error of OpenSSL when a certificate or a key is malformed. */
  of(options: SecureContextOptions): tls.SecureContext {
    if (this.#last === undefined || !areSame(this.#last.options, options)) {
      this.#last = { options, context: tls.createSecureContext(options) };
    }
    return this.#last.context;
  }
}

function areSame(one: SecureContextOptions, other: SecureContextOptions): boolean {
  const keys = new Set([...Object.keys(one), ...Object.keys(other)]) as Set<keyof SecureContextOptions>;
  return [...keys].every((key) => {
    const [a, b] = [one[key], other[key]];
    if (!Array.isArray(a) || !Array.isArray(b)) return a === b;
    return a.length === b.length && a.every((each, n) => each === b[n]);
  });
}

/** The options of a connection string. An option that has been read is removed. */
export class UriParameters {
  readonly #values: Map<string, string>;

  private constructor(values: Map<string, string>) {
    this.#values = values;
  }

  /**
   * Parses the text after the question mark. As in libpq, the last of several options
   * with the same name counts.
   *
   * @throws Error that quotes no value, and no name that may be part of a password.
   */
  static parse(query: string): UriParameters {
    const values = new Map<string, string>();
    for (const pair of query.split('&').filter((part) => part !== '')) {
      const [rawKey, value] = splitOnce(pair, '=');
      const key = percentDecoded(rawKey, 'options');
      // Do not quote it: after an '&' that was not encoded, it may be the rest of a password.
      if (value === undefined) throw new Error('an option has no value');
      values.set(key, percentDecoded(value, 'options'));
    }
    return new UriParameters(values);
  }

  /** Removes an option and returns its value. */
  take(key: string): string | undefined {
    const value = this.#values.get(key);
    this.#values.delete(key);
    return value;
  }

  /** The options that have not been taken. */
  get rest(): ReadonlyMap<string, string> {
    return this.#values;
  }
}

/** Splits at the first separator. Without one, the second part is undefined. */
export function splitOnce(text: string, separator: string): [string, string | undefined] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}

/** @throws Error that names the part of the string by `what`. It does not quote the text. */
export function percentDecoded(text: string, what: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new Error(`the ${what} is not correctly percent-encoded`);
  }
}

/** An object with one key, or an empty object if the value is undefined or empty. */
export function named<K extends string>(key: K, value: string | undefined): { readonly [P in K]?: string } {
  return (value === undefined || value === '' ? {} : { [key]: value }) as { readonly [P in K]?: string };
}

/** The options of a connection string, by name; what is understood is taken out. */
export class UriParameters {
  readonly #values: Map<string, string>;

  private constructor(values: Map<string, string>) {
    this.#values = values;
  }

  /**
   * Reads what stands after the question mark. As in libpq the last one of
   * several options of a name counts.
   *
   * @throws Error that quotes no value, and no name that may be part of a password.
   */
  static parse(query: string): UriParameters {
    const values = new Map<string, string>();
    for (const pair of query.split('&').filter((part) => part !== '')) {
      const [rawKey, value] = splitOnce(pair, '=');
      const key = percentDecoded(rawKey, 'options');
      // Not quoted: behind an '&' that was not encoded, what stands here may be the rest of a password.
      if (value === undefined) throw new Error('an option has no value');
      values.set(key, percentDecoded(value, 'options'));
    }
    return new UriParameters(values);
  }

  /** The value of an option, which is taken out. */
  take(key: string): string | undefined {
    const value = this.#values.get(key);
    this.#values.delete(key);
    return value;
  }

  /** The names and values that nobody has taken. */
  get rest(): ReadonlyMap<string, string> {
    return this.#values;
  }
}

/** Splits at the first separator; nothing stands behind one that is not there. */
export function splitOnce(text: string, separator: string): [string, string | undefined] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}

/** @throws Error that names the part of the string by `what`, and does not quote it. */
export function percentDecoded(text: string, what: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new Error(`the ${what} is not correctly percent-encoded`);
  }
}

/** An object with that one key, or without it where there is nothing to say. */
export function named<K extends string>(key: K, value: string | undefined): { readonly [P in K]?: string } {
  return (value === undefined || value === '' ? {} : { [key]: value }) as { readonly [P in K]?: string };
}

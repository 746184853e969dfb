/** Reads environment variables, and collects what is wrong with them. An empty variable counts as absent. */
export class Variables {
  /** A line for each wrong value, which names the variable and not its value. */
  readonly faults: string[] = [];
  readonly #env: Readonly<Record<string, string | undefined>>;

  constructor(env: Readonly<Record<string, string | undefined>>) {
    this.#env = env;
  }

  /** The name of the variable of the exporter that is set: the one for traces, or else the one for all signals. */
  ofTraces(what: string): string {
    const own = `OTEL_EXPORTER_OTLP_TRACES_${what}`;
    return this.text(own) === undefined ? `OTEL_EXPORTER_OTLP_${what}` : own;
  }

  text(name: string): string | undefined {
    const value = this.#env[name]?.trim();
    return value === '' ? undefined : value;
  }

  list(name: string): readonly string[] {
    return (this.text(name) ?? '').split(',').map((value) => value.trim());
  }

  /** @returns the first choice if the variable is absent or wrong, unless there is a default. */
  choice<T extends string>(name: string, choices: readonly [T, ...T[]] | readonly T[], otherwise?: T): T {
    const value = this.text(name)?.toLowerCase();
    const chosen = choices.find((choice) => choice === value);
    if (value !== undefined && chosen === undefined) this.expect(name, `one of ${choices.join(', ')}`);
    return chosen ?? otherwise ?? (choices[0] as T);
  }

  whole(
    name: string,
    otherwise: number,
    { least, most }: { readonly least: number; readonly most: number },
  ): number {
    const value = this.text(name);
    if (value === undefined) return otherwise;
    if (/^\d{1,9}$/.test(value) && Number(value) >= least && Number(value) <= most) return Number(value);
    this.expect(name, `a whole number from ${least} to ${most}`);
    return otherwise;
  }

  fraction(name: string, otherwise: number): number {
    const value = this.text(name);
    if (value === undefined) return otherwise;
    if (/^(\d+(\.\d*)?|\.\d+)(e-\d+)?$/i.test(value) && Number(value) <= 1) return Number(value);
    this.expect(name, 'a number from 0 to 1');
    return otherwise;
  }

  url(name: string): URL | undefined {
    const value = this.text(name);
    if (value === undefined) return undefined;
    const url = URL.canParse(value) ? new URL(value) : undefined;
    if (url?.protocol === 'http:' || url?.protocol === 'https:') return url;
    this.expect(name, 'a URL that begins with http:// or https://');
    return undefined;
  }

  /** `key=value,key=value`; values are percent-encoded, as in W3C Baggage. */
  pairs(name: string): Record<string, string> {
    const pairs: Record<string, string> = {};
    for (const pair of this.list(name)) {
      if (pair === '') continue;
      const [, key, value] = /^([\w.!#$%&'*+^`|~/-]+)\s*=\s*(.*)$/.exec(pair) ?? [];
      const decoded = value === undefined ? undefined : decode(value);
      if (key === undefined || decoded === undefined) {
        this.expect(name, 'pairs as in key1=value1,key2=value2, with percent-encoded values');
        return {};
      }
      pairs[key] = decoded;
    }
    return pairs;
  }

  /** Reports a wrong value. */
  expect(name: string, expected: string): void {
    this.faults.push(`environment variable ${name}: expected ${expected}`);
  }
}

function decode(value: string): string | undefined {
  try {
    const decoded = decodeURIComponent(value);
    // A line break would end a header.
    return /[\r\n\0]/.test(decoded) ? undefined : decoded;
  } catch {
    return undefined;
  }
}

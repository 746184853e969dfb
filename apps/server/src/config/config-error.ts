/** A place in a configuration file, as keys and list positions. */
export type ConfigPath = readonly (string | number)[];

/** One fault of the configuration. */
export interface ConfigFault {
  readonly path: ConfigPath;
  /** The fault and what was expected. Never the value: it may be a connection string. */
  readonly message: string;
}

/** The configuration cannot be used. The message has a line per fault, with the key and its line in the file. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

/** `partition-storage[0].config.max-conns` */
export function formatPath(path: ConfigPath): string {
  return path.reduce<string>(
    (text, part) => (typeof part === 'number' ? `${text}[${part}]` : text === '' ? part : `${text}.${part}`),
    '',
  );
}

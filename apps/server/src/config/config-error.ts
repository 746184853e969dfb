/** Where in a configuration file something is, by keys and list positions. */
export type ConfigPath = readonly (string | number)[];

/** One thing wrong with the configuration. */
export interface ConfigFault {
  readonly path: ConfigPath;
  /** What is wrong and what was expected. Never the value: it may be a connection string. */
  readonly message: string;
}

/** The configuration cannot be used. The message has one line per fault, each naming the key and its line. */
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

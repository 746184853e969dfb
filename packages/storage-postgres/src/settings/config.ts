import { parseConnectionString } from './connection-string.ts';

/** The settings of the driver `postgres` in the server's configuration. */
export interface PostgresConfig {
  readonly connectionString: string;
  readonly maxConns?: number;
}

const KEYS = new Set(['connection-string', 'max-conns']);

/**
 * Reads the `config` of a storage with the driver `postgres`.
 *
 * @throws Error that begins with the key that is wrong. It never contains the
 *   connection string or its password.
 */
export function parsePostgresConfig(config: Readonly<Record<string, unknown>>): PostgresConfig {
  const unknown = Object.keys(config).find((key) => !KEYS.has(key));
  if (unknown !== undefined) throw new Error(`${unknown}: unknown key; use connection-string and max-conns`);
  const connectionString = config['connection-string'];
  if (typeof connectionString !== 'string' || connectionString === '') {
    throw new Error(
      'connection-string: required, a PostgreSQL URI such as postgres://user@localhost/querator',
    );
  }
  try {
    parseConnectionString(connectionString);
  } catch (error) {
    throw new Error(`connection-string: ${error instanceof Error ? error.message : 'malformed'}`);
  }
  const maxConns = config['max-conns'];
  if (maxConns === undefined) return { connectionString };
  if (typeof maxConns !== 'number' || !Number.isInteger(maxConns) || maxConns < 1) {
    throw new Error('max-conns: must be an integer of at least 1');
  }
  return { connectionString, maxConns };
}

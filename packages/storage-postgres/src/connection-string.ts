import { DurationSyntaxError, parseDuration, toMilliseconds } from '@querator/core';
import { isTlsMode, type TlsSettings } from './tls-settings.ts';

/** What a connection string says about the pool, in pgxpool's terms; absent: not said. */
export interface PoolSettings {
  readonly maxConns?: number;
  readonly minConns?: number;
  readonly maxConnLifetimeMs?: number;
  readonly maxConnIdleTimeMs?: number;
  /** Connections idle for longer are tried before they are used. */
  readonly healthCheckPeriodMs?: number;
}

/** A connection string, taken apart. Holds the password: never log it. */
export interface ConnectionSettings {
  /** A host name, an address, or the folder of a Unix socket. */
  readonly host?: string;
  readonly port?: number;
  readonly user?: string;
  readonly password?: string;
  readonly database?: string;
  readonly tls: TlsSettings;
  readonly connectTimeoutMs?: number;
  /** How the connections show up in pg_stat_activity. */
  readonly applicationName: string;
  /** The `options` of the string, and every setting of the server it names, as command-line options. */
  readonly serverOptions: string;
  readonly pool: PoolSettings;
}

const DEFAULT_APPLICATION_NAME = 'querator';

/** Settings of libpq and pgx that change nothing here: taken out, so that the server does not get them. */
const WITHOUT_EFFECT = new Set([
  ...['gssencmode', 'krbsrvname', 'gsslib', 'gssdelegation', 'channel_binding', 'client_encoding'],
  ...['keepalives', 'keepalives_idle', 'keepalives_interval', 'keepalives_count', 'tcp_user_timeout'],
  ...['sslcompression', 'sslsni', 'fallback_application_name', 'load_balance_hosts'],
  ...['default_query_exec_mode', 'statement_cache_capacity', 'description_cache_capacity'],
  ...['pool_max_conn_lifetime_jitter', 'pool_min_idle_conns'],
]);

/** Settings whose neglect would be a surprise. */
const NOT_SUPPORTED = new Set(['service', 'passfile', 'sslcrl', 'sslcrldir', 'requirepeer', 'hostaddr']);

const SERVER_SETTING = /^[a-z_][a-z0-9_.]*$/i;

/**
 * Reads a PostgreSQL URI, `postgres://user:password@host:port/database?options`.
 *
 * @throws Error saying what is wrong in words that never hold the password.
 */
export function parseConnectionString(text: string): ConnectionSettings {
  const scheme = /^postgres(?:ql)?:\/\//.exec(text)?.[0];
  if (scheme === undefined) throw new Error("must start with 'postgres://' or 'postgresql://'");
  const [location = '', query = ''] = splitOnce(text.slice(scheme.length), '?');
  const parameters = parseQuery(query);
  const settings = { ...parseLocation(location), ...takeLocation(parameters) };
  return {
    ...settings,
    tls: takeTls(parameters),
    ...takeConnectTimeout(parameters),
    applicationName: take(parameters, 'application_name') ?? DEFAULT_APPLICATION_NAME,
    pool: takePool(parameters),
    serverOptions: takeServerOptions(parameters),
  };
}

function parseQuery(query: string): Map<string, string> {
  const parameters = new Map<string, string>();
  for (const pair of query.split('&').filter((part) => part !== '')) {
    const [key, value] = splitOnce(pair, '=');
    if (value === undefined) throw new Error(`option '${decode(key ?? '', 'options')}' has no value`);
    parameters.set(decode(key ?? '', 'options'), decode(value, 'options'));
  }
  return parameters;
}

type Location = Pick<ConnectionSettings, 'host' | 'port' | 'user' | 'password' | 'database'>;

function parseLocation(location: string): Location {
  const [authority = '', database] = splitOnce(location, '/');
  const at = authority.lastIndexOf('@');
  const [user, password] = splitOnce(at < 0 ? '' : authority.slice(0, at), ':');
  return {
    ...named('user', user && decode(user, 'user name')),
    ...named('password', password && decode(password, 'password')),
    ...parseHost(authority.slice(at + 1)),
    ...named('database', database && decode(database, 'database name')),
  };
}

function parseHost(hostAndPort: string): Location {
  if (hostAndPort.includes(',')) throw new Error('more than one host is not supported');
  const [, bracketed, plain, port] = /^(?:\[([^\]]*)\]|([^:]*))(?::(\d*))?$/.exec(hostAndPort) ?? [];
  const host = bracketed ?? plain;
  // Not quoted: where an '@' is missing, what stands here may be the password.
  if (host === undefined) throw new Error('the host or the port is malformed');
  return { ...named('host', decode(host, 'host')), ...(port ? { port: parsePort(port) } : {}) };
}

/** libpq lets options override what stands before the question mark. */
function takeLocation(parameters: Map<string, string>): Location {
  const host = take(parameters, 'host');
  if (host?.includes(',')) throw new Error('more than one host is not supported');
  const port = take(parameters, 'port');
  return {
    ...named('host', host),
    ...(port === undefined ? {} : { port: parsePort(port) }),
    ...named('user', take(parameters, 'user')),
    ...named('password', take(parameters, 'password')),
    ...named('database', take(parameters, 'dbname')),
  };
}

function parsePort(text: string): number {
  const port = Number(text);
  if (!Number.isInteger(port) || port < 1 || port > 65_535) {
    throw new Error('the port must be a number between 1 and 65535');
  }
  return port;
}

function takeTls(parameters: Map<string, string>): TlsSettings {
  const mode = take(parameters, 'sslmode') ?? 'prefer';
  if (!isTlsMode(mode)) {
    throw new Error(
      `sslmode '${mode}' is unknown; use disable, allow, prefer, require, verify-ca or verify-full`,
    );
  }
  return {
    mode,
    ...named('rootCertFile', take(parameters, 'sslrootcert')),
    ...named('certFile', take(parameters, 'sslcert')),
    ...named('keyFile', take(parameters, 'sslkey')),
    ...named('keyPassword', take(parameters, 'sslpassword')),
  };
}

function takeConnectTimeout(parameters: Map<string, string>): { readonly connectTimeoutMs?: number } {
  const text = take(parameters, 'connect_timeout');
  if (text === undefined) return {};
  const seconds = Number(text);
  if (!Number.isInteger(seconds)) throw new Error('connect_timeout must be a whole number of seconds');
  // As in libpq: zero and less mean no limit of its own.
  return seconds > 0 ? { connectTimeoutMs: seconds * 1_000 } : {};
}

function takePool(parameters: Map<string, string>): PoolSettings {
  const count = (key: string, least: number) => {
    const text = take(parameters, key);
    if (text === undefined) return undefined;
    const value = Number(text);
    if (!Number.isInteger(value) || value < least)
      throw new Error(`${key} must be an integer of at least ${least}`);
    return value;
  };
  const duration = (key: string) => {
    const text = take(parameters, key);
    if (text === undefined) return undefined;
    try {
      return toMilliseconds(parseDuration(text));
    } catch (error) {
      if (error instanceof DurationSyntaxError) throw new Error(`${key} must be a duration such as 30m`);
      throw error;
    }
  };
  const settings = {
    maxConns: count('pool_max_conns', 1),
    minConns: count('pool_min_conns', 0),
    maxConnLifetimeMs: duration('pool_max_conn_lifetime'),
    maxConnIdleTimeMs: duration('pool_max_conn_idle_time'),
    healthCheckPeriodMs: duration('pool_health_check_period'),
  };
  const said = Object.entries(settings).filter(([, value]) => value !== undefined);
  return Object.fromEntries(said) as PoolSettings;
}

/** What is left are settings of the server, as in `search_path=queues`. */
function takeServerOptions(parameters: Map<string, string>): string {
  const options: string[] = [];
  const given = take(parameters, 'options');
  if (given !== undefined) options.push(given);
  const target = take(parameters, 'target_session_attrs') ?? 'any';
  if (target !== 'any') throw new Error(`target_session_attrs '${target}' is not supported`);
  for (const [key, value] of parameters) {
    if (WITHOUT_EFFECT.has(key)) continue;
    if (NOT_SUPPORTED.has(key)) throw new Error(`option '${key}' is not supported`);
    if (key.startsWith('pool_') || !SERVER_SETTING.test(key)) throw new Error(`option '${key}' is unknown`);
    options.push(`-c ${key}=${value.replaceAll(/([\\\s])/g, '\\$1')}`);
  }
  return options.join(' ');
}

function take(parameters: Map<string, string>, key: string): string | undefined {
  const value = parameters.get(key);
  parameters.delete(key);
  return value;
}

function splitOnce(text: string, separator: string): [string | undefined, string | undefined] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}

function decode(text: string, what: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new Error(`the ${what} is not correctly percent-encoded`);
  }
}

/** An object with that one key, or without it where there is nothing to say. */
function named<K extends string>(key: K, value: string | undefined): { readonly [P in K]?: string } {
  return (value === undefined || value === '' ? {} : { [key]: value }) as { readonly [P in K]?: string };
}

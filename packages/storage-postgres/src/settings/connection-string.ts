import { type Host, type HostLists, pairHosts, splitHosts } from './host-list.ts';
import { type PoolSettings, takePoolSettings } from './pool-settings.ts';
import { type PoolerSetting, parsePooler } from './pooler-setting.ts';
import { parseRequiredAuth, type RequiredAuth } from './required-auth.ts';
import { takeServerOptions } from './server-options.ts';
import { settingsInOptions } from './server-settings.ts';
import { parseSessionTarget, type SessionTarget } from './session-target.ts';
import { type TlsSettings, takeTlsSettings } from './tls-settings.ts';
import { named, percentDecoded, splitOnce, UriParameters } from './uri-parameters.ts';

/** The parts of a connection string. Contains the password: never log it. */
export interface ConnectionSettings {
  /** At least one, in the order in which they are tried. */
  readonly hosts: readonly Host[];
  readonly user?: string;
  readonly password?: string;
  /** The password file. Undefined: PGPASSFILE, or `~/.pgpass`. */
  readonly passFile?: string;
  readonly database?: string;
  readonly tls: TlsSettings;
  /**
   * The methods by which a server may authenticate the user. Undefined: any, except
   * passwords in clear text.
   */
  readonly requiredAuth?: RequiredAuth | undefined;
  /** Which kind of server is wanted. */
  readonly target: SessionTarget;
  /** The limit for each host. Undefined if the string sets none. */
  readonly connectTimeoutMs?: number;
  /** The name of the connections in pg_stat_activity. */
  readonly applicationName: string;
  /** The `options` of the string, and all server settings that it names, as command-line options. */
  readonly serverOptions: string;
  readonly pool: PoolSettings;
  readonly pooler: PoolerSetting;
}

const DEFAULT_APPLICATION_NAME = 'querator';

/**
 * Reads a PostgreSQL URI,
 * `postgres://user:password@host:port,host:port/database?options`.
 *
 * @throws Error that says what is wrong. It never contains the password.
 */
export function parseConnectionString(text: string): ConnectionSettings {
  const scheme = /^postgres(?:ql)?:\/\//.exec(text)?.[0];
  if (scheme === undefined) throw new Error("must start with 'postgres://' or 'postgresql://'");
  const [location, query = ''] = splitOnce(text.slice(scheme.length), '?');
  refuseStrayAt(location, query);
  const parameters = UriParameters.parse(query);
  const mayQuote = !/(?:^|&)(?:ssl)?password=/.test(query);
  const pooler = parsePooler(parameters.take('pooler'));
  const settings = {
    ...takeLocation(location, parameters),
    tls: takeTlsSettings(parameters),
    ...named('passFile', parameters.take('passfile')),
    ...takeRequiredAuth(parameters),
    target: parseSessionTarget(parameters.take('target_session_attrs')),
    ...takeConnectTimeout(parameters),
    applicationName: parameters.take('application_name') ?? DEFAULT_APPLICATION_NAME,
    pool: takePoolSettings(parameters),
    pooler,
    serverOptions: takeServerOptions(parameters, mayQuote),
  };
  if (pooler !== 'auto') settingsInOptions(settings.serverOptions);
  return settings;
}

/**
 * The settings of a connection string without its passwords, as a text. Strings that
 * differ in nothing else have the same text.
 *
 * @throws Error as {@link parseConnectionString}.
 */
export function withoutPasswords(text: string): string {
  const { password: _, tls, requiredAuth, ...settings } = parseConnectionString(text);
  const { keyPassword: __, ...publicTls } = tls;
  return JSON.stringify({ ...settings, tls: publicTls, requiredAuth: requiredAuth?.text });
}

/**
 * A '/' or '?' that is not encoded ends a password early. The rest of the password
 * would be read as a database or an option, and appear in error messages. The '@'
 * after the password reveals that.
 */
function refuseStrayAt(location: string, query: string): void {
  const [, database = ''] = splitOnce(location, '/');
  if (!database.includes('@') && !query.includes('@')) return;
  throw new Error(
    "there is an '@' in the database or the options, where it must be written %40; " +
      "or a '/' or '?' in the password, where it must be written %2F or %3F",
  );
}

type Location = Pick<ConnectionSettings, 'hosts' | 'user' | 'password' | 'database'>;

/** As in libpq, options override what stands before the question mark. */
function takeLocation(location: string, parameters: UriParameters): Location {
  const [authority, database = ''] = splitOnce(location, '/');
  const at = authority.lastIndexOf('@');
  const [user, password = ''] = splitOnce(at < 0 ? '' : authority.slice(0, at), ':');
  const lists = decodedLists(splitHosts(authority.slice(at + 1)));
  const hosts = parameters.take('host') ?? lists.hosts;
  const ports = parameters.take('port') ?? lists.ports;
  return {
    hosts: pairHosts({ hosts, ports }),
    ...named('user', parameters.take('user') ?? percentDecoded(user, 'user name')),
    ...named('password', parameters.take('password') ?? percentDecoded(password, 'password')),
    ...named('database', parameters.take('dbname') ?? percentDecoded(database, 'database name')),
  };
}

function decodedLists({ hosts, ports }: HostLists): HostLists {
  return { hosts: percentDecoded(hosts, 'host'), ports: ports.replace(/^,+$/, '') };
}

function takeRequiredAuth(parameters: UriParameters): { readonly requiredAuth?: RequiredAuth } {
  const requiredAuth = parseRequiredAuth(parameters.take('require_auth'));
  return requiredAuth === undefined ? {} : { requiredAuth };
}

function takeConnectTimeout(parameters: UriParameters): { readonly connectTimeoutMs?: number } {
  const text = parameters.take('connect_timeout');
  if (text === undefined) return {};
  const seconds = Number(text);
  if (!Number.isInteger(seconds)) throw new Error('connect_timeout must be a whole number of seconds');
  // As in libpq, zero and negative values mean no limit.
  return seconds > 0 ? { connectTimeoutMs: seconds * 1_000 } : {};
}

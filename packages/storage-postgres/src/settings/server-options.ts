import type { UriParameters } from './uri-parameters.ts';

/** Options of libpq and pgx that have no effect here. */
const WITHOUT_EFFECT = new Set([
  ...['gssencmode', 'krbsrvname', 'gsslib', 'gssdelegation', 'client_encoding', 'sslcertmode'],
  ...['keepalives', 'keepalives_idle', 'keepalives_interval', 'keepalives_count', 'tcp_user_timeout'],
  ...['sslcompression', 'sslsni', 'fallback_application_name', 'load_balance_hosts'],
  ...['default_query_exec_mode', 'statement_cache_capacity', 'description_cache_capacity'],
  ...['pool_max_conn_lifetime_jitter', 'pool_min_idle_conns'],
]);

/** Options of libpq that must not be ignored silently. */
const NOT_SUPPORTED = new Set([
  ...['service', 'servicefile', 'sslcrl', 'sslcrldir', 'requirepeer', 'hostaddr'],
  ...['replication', 'sslkeylogfile', 'requiressl', 'authtype', 'tty', 'scram_client_key'],
  ...['scram_server_key', 'min_protocol_version', 'max_protocol_version', 'oauth_issuer', 'oauth_client_id'],
  ...['oauth_client_secret', 'oauth_scope'],
]);

/**
 * Settings of the server that pgx accepts as options of their own. libpq does not: it
 * wants them in `options`.
 */
const SERVER_SETTINGS = new Set([
  ...['search_path', 'role', 'session_authorization', 'work_mem', 'maintenance_work_mem', 'temp_buffers'],
  ...['statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout', 'idle_session_timeout'],
  ...['transaction_timeout', 'synchronous_commit', 'commit_delay', 'jit', 'default_tablespace'],
  ...['temp_tablespaces', 'default_toast_compression', 'client_min_messages', 'log_statement'],
  ...['log_min_duration_statement', 'track_activities', 'tcp_keepalives_idle', 'tcp_keepalives_interval'],
  ...['tcp_keepalives_count', 'client_connection_check_interval', 'timezone', 'datestyle', 'intervalstyle'],
  ...['extra_float_digits', 'plan_cache_mode', 'random_page_cost', 'effective_cache_size'],
]);

/**
 * Turns the remaining options of a connection string into command-line options of the
 * session. As in libpq, an unknown option is an error: a misspelt `sslmode` must not
 * be ignored.
 *
 * @throws Error that quotes an option's name only if no password can be part of it.
 */
export function takeServerOptions(parameters: UriParameters, mayQuote: boolean): string {
  const options: string[] = [];
  const given = parameters.take('options');
  if (given !== undefined) options.push(given);
  for (const [key, value] of parameters.rest) {
    if (WITHOUT_EFFECT.has(key)) continue;
    if (NOT_SUPPORTED.has(key)) throw new Error(`option '${key}' is not supported`);
    if (!SERVER_SETTINGS.has(key.toLowerCase())) {
      const name = mayQuote && /^[\w.-]{1,63}$/.test(key) ? `option '${key}'` : 'an option';
      throw new Error(`${name} is unknown; a setting of the server goes into options=-c%20name%3Dvalue`);
    }
    options.push(`-c ${key}=${value.replaceAll(/([\\\s])/g, '\\$1')}`);
  }
  return options.join(' ');
}

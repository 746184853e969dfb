import pg from 'pg';
import type { ConnectionSettings } from '../settings/connection-string.ts';
import type { Host } from '../settings/host-list.ts';
import { lastOfEach, type ServerSetting, settingsInOptions, toOptions } from '../settings/server-settings.ts';
import type { TimeLimits } from '../settings/time-limits.ts';
import type { PoolerMode } from './pooler-mode.ts';

const TIMESTAMPTZ_OID = 1184;

/** The parsers of `pg`, except that timestamps stay text: a Date has no microseconds. */
const TYPES = {
  getTypeParser(oid: number, format?: 'text' | 'binary') {
    return oid === TIMESTAMPTZ_OID ? (text: string) => text : pg.types.getTypeParser(oid, format);
  },
};

const setting = (name: string, value: string | number): ServerSetting => ({ name, value: String(value) });

/**
 * Every statement is designed for one index. It reads from the front of the index, or
 * finds rows by primary key. On tables without good statistics the planner chooses
 * otherwise. It sorts the backlog, or scans the table for a thousand ids. Such a plan,
 * prepared on an empty table, stays in use when the table is full. So these plans are
 * disabled. Statements that have to read a whole table enable them again.
 */
const STEADY_PLANS = [
  ...['seqscan', 'bitmapscan', 'sort', 'hashjoin', 'mergejoin'].map((method) =>
    setting(`enable_${method}`, 'off'),
  ),
  ...['indexscan', 'indexonlyscan', 'nestloop'].map((method) => setting(`enable_${method}`, 'on')),
];

/**
 * These decide how parameters and results are formatted, and partly what a statement
 * means. No connection string, role or database may change them.
 */
const MEANING = [
  setting('DateStyle', 'ISO'),
  setting('TimeZone', 'UTC'),
  setting('IntervalStyle', 'postgres'),
  setting('bytea_output', 'hex'),
  // A lower value would round averages.
  setting('extra_float_digits', '1'),
  setting('client_encoding', 'UTF8'),
  // Otherwise NULL in an array would be a text.
  setting('array_nulls', 'on'),
  // Otherwise a backslash in a literal, such as a table's comment, would escape.
  setting('standard_conforming_strings', 'on'),
  setting('transform_null_equals', 'off'),
  setting('quote_all_identifiers', 'off'),
  // Otherwise an error that a statement raises on purpose would end the session.
  setting('exit_on_error', 'off'),
];

/**
 * The level that the statements are written for. Each sees what is committed when it
 * starts, and locks the current rows.
 */
const ISOLATION = setting('default_transaction_isolation', 'read committed');

/** A warning reports a commit that has not reached its synchronous standby. Lower levels are not read. */
const WARNINGS = setting('client_min_messages', 'warning');

/** A session that has this value has all settings that were sent with it. */
const MARK = setting('querator.session', 'settled');

/** SQL for whether the settings below are in force. It runs before the search path is narrowed. */
export const SETTINGS_APPLIED = `coalesce(pg_catalog.current_setting('${MARK.name}', true), '') OPERATOR(pg_catalog.=) '${MARK.value}'`;

const SEARCH_PATH = 'search_path';

/**
 * Restricts functions, operators and types in our statements to PostgreSQL's own.
 * Otherwise one in another schema of the search path could match the arguments better,
 * and would run with our rights. Our tables are named with their schema. PostgreSQL
 * would search `pg_temp` first if it were not named.
 */
export const CATALOGUE_ONLY: ServerSetting = setting(SEARCH_PATH, 'pg_catalog, pg_temp');

/**
 * A statement that undoes {@link CATALOGUE_ONLY} for one transaction. The search path
 * is then that of the connection string, the role, the database or the server.
 *
 * @param settingsMode how the session gets its settings.
 */
export function usersSearchPath(
  { serverOptions }: Pick<ConnectionSettings, 'serverOptions'>,
  settingsMode: PoolerMode['settingsMode'],
): string {
  const settings = settingsMode === 'by statement' ? settingsInOptions(serverOptions) : [];
  const given = settings.findLast(({ name }) => name.toLowerCase() === SEARCH_PATH);
  // NULL resets it to the value from the start of the session.
  const value = given === undefined ? 'NULL' : pg.escapeLiteral(given.value).trimStart();
  return `SELECT 1 WHERE pg_catalog.concat(pg_catalog.set_config('${SEARCH_PATH}', ${value}, true)) IS NULL`;
}

/**
 * PostgreSQL's own value. The planner makes hash tables for the rows that it expects,
 * and expects far too many where a statement reads the catalogs: at 2 TB one statement
 * took 8 GB. No statement of a queue needs more.
 */
const BOUNDED_MEMORY = setting('work_mem', '4MB');

/** JIT is off because compiling takes longer than any statement here runs. */
function ours(limits: TimeLimits): readonly ServerSetting[] {
  return [
    ...STEADY_PLANS,
    BOUNDED_MEMORY,
    setting('jit', 'off'),
    setting('statement_timeout', limits.statementMs),
    setting('lock_timeout', limits.lockMs),
    setting('idle_in_transaction_session_timeout', limits.idleInTransactionMs),
  ];
}

/** Host, user, database and how results are parsed, without any setting of the session. */
export function connectionConfig(
  settings: ConnectionSettings,
  host: Host = settings.hosts[0] ?? {},
): pg.ClientConfig {
  return {
    ...host,
    ...(settings.user === undefined ? {} : { user: settings.user }),
    ...(settings.password === undefined ? {} : { password: settings.password }),
    ...(settings.database === undefined ? {} : { database: settings.database }),
    application_name: settings.applicationName,
    types: TYPES as pg.CustomTypesConfig,
  };
}

/**
 * The options to open a connection that has a session of its own. If a setting occurs
 * several times on the server's command line, the last one wins. So the connection
 * string overrides our limits. Settings that correctness depends on override both.
 *
 * @param host one of the string's hosts. Undefined: the first.
 */
export function sessionOptions(
  settings: ConnectionSettings,
  limits: TimeLimits,
  host?: Host,
): pg.ClientConfig {
  const last = toOptions([ISOLATION, WARNINGS, ...MEANING, MARK]);
  const options = [toOptions(ours(limits)), settings.serverOptions, last].filter((option) => option !== '');
  return { ...connectionConfig(settings, host), options: options.join(' ') };
}

/**
 * The same settings as a list, for a session that was opened without them.
 *
 * @throws Error when the connection string's `options` contain more than settings.
 */
export function sessionSettings(settings: ConnectionSettings, limits: TimeLimits): readonly ServerSetting[] {
  const given = settingsInOptions(settings.serverOptions);
  return lastOfEach([...ours(limits), ...given, ISOLATION, WARNINGS, ...MEANING, MARK]);
}

/** The settings that can be made within a transaction. Its isolation level has to be set when it begins. */
export function transactionSettings(
  settings: ConnectionSettings,
  limits: TimeLimits,
): readonly ServerSetting[] {
  return sessionSettings(settings, limits).filter(({ name }) => name.toLowerCase() !== ISOLATION.name);
}

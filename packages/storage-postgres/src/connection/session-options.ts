import pg from 'pg';
import type { ConnectionSettings } from '../settings/connection-string.ts';
import type { Host } from '../settings/host-list.ts';
import { lastOfEach, type ServerSetting, settingsInOptions, toOptions } from '../settings/server-settings.ts';
import type { TimeLimits } from '../settings/time-limits.ts';
import type { PoolerMode } from './pooler-mode.ts';

const TIMESTAMPTZ_OID = 1184;

/** As pg's own, except that timestamps stay text: a Date has no microseconds. */
const TYPES = {
  getTypeParser(oid: number, format?: 'text' | 'binary') {
    return oid === TIMESTAMPTZ_OID ? (text: string) => text : pg.types.getTypeParser(oid, format);
  },
};

const setting = (name: string, value: string | number): ServerSetting => ({ name, value: String(value) });

/**
 * Every statement here is made for one index: it reads from the front of it, or
 * finds rows by primary key, one after the other. Left to itself the planner
 * does otherwise on tables it knows little of: it sorts the backlog, or reads
 * the table in search of a thousand ids. Such a plan, once prepared on a table
 * that was empty, outlives the emptiness. So it is told what not to do;
 * statements that do read a whole table lift this for themselves.
 */
const STEADY_PLANS = [
  ...['seqscan', 'bitmapscan', 'sort', 'hashjoin', 'mergejoin'].map((method) =>
    setting(`enable_${method}`, 'off'),
  ),
  ...['indexscan', 'indexonlyscan', 'nestloop'].map((method) => setting(`enable_${method}`, 'on')),
];

/**
 * Parameters and results are read and written by these, and some decide what a
 * statement means, so no connection string, role or database may say otherwise.
 */
const MEANING = [
  setting('DateStyle', 'ISO'),
  setting('TimeZone', 'UTC'),
  setting('IntervalStyle', 'postgres'),
  setting('bytea_output', 'hex'),
  // Averages lose digits below the default.
  setting('extra_float_digits', '1'),
  setting('client_encoding', 'UTF8'),
  // NULL in an array would be a text.
  setting('array_nulls', 'on'),
  // A backslash in a literal, such as the comment that says whose a table is, would escape.
  setting('standard_conforming_strings', 'on'),
  setting('transform_null_equals', 'off'),
  setting('quote_all_identifiers', 'off'),
  // An error that a statement makes on purpose would end the session.
  setting('exit_on_error', 'off'),
];

/** What the statements are written for: each sees what is committed, and takes its locks on that. */
const ISOLATION = setting('default_transaction_isolation', 'read committed');

/** A warning tells of a commit that its synchronous standby has not got; what says less nobody reads. */
const WARNINGS = setting('client_min_messages', 'warning');

/** Found again in a session, it proves that what was sent at its start is in force there. */
const MARK = setting('querator.session', 'settled');

/** SQL for whether the settings below are in force; it is asked before the search path is ours. */
export const SETTLED = `coalesce(pg_catalog.current_setting('${MARK.name}', true), '') OPERATOR(pg_catalog.=) '${MARK.value}'`;

const SEARCH_PATH = 'search_path';

/**
 * Functions, operators and types in our statements are PostgreSQL's own: what
 * somebody made in a schema of the user's search path would run as us, and be
 * preferred where it fits the arguments better. Our tables are named with
 * their schema. `pg_temp` is named, as PostgreSQL would otherwise look there first.
 */
export const CATALOGUE_ONLY: ServerSetting = setting(SEARCH_PATH, 'pg_catalog, pg_temp');

/**
 * A statement that makes the search path, for one transaction, what it would be
 * if we had not narrowed it: that of the connection string, or of the role,
 * the database or the server.
 *
 * @param settle how the session came by its settings.
 */
export function usersSearchPath(
  { serverOptions }: Pick<ConnectionSettings, 'serverOptions'>,
  settle: PoolerMode['settle'],
): string {
  const settings = settle === 'by statement' ? settingsInOptions(serverOptions) : [];
  const given = settings.findLast(({ name }) => name.toLowerCase() === SEARCH_PATH);
  // No value: the one that the session was started with.
  const value = given === undefined ? 'NULL' : pg.escapeLiteral(given.value).trimStart();
  return `SELECT 1 WHERE pg_catalog.concat(pg_catalog.set_config('${SEARCH_PATH}', ${value}, true)) IS NULL`;
}

/** JIT is off because compiling takes longer than any statement here runs. */
function ours(limits: TimeLimits): readonly ServerSetting[] {
  return [
    ...STEADY_PLANS,
    setting('jit', 'off'),
    setting('statement_timeout', limits.statementMs),
    setting('lock_timeout', limits.lockMs),
    setting('idle_in_transaction_session_timeout', limits.idleInTransactionMs),
  ];
}

/** Who connects to what, and how results are read; without any setting of the session. */
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
 * What a connection is opened with where it comes with a session of its own.
 * The last one of several settings of a name wins on the server's command
 * line: the connection string over our limits, and what correctness rests on
 * over both.
 *
 * @param host one of those of the string; the first when left out.
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
 * The same settings one by one, for a session that was opened without them.
 *
 * @throws Error when the connection string's `options` are more than settings.
 */
export function sessionSettings(settings: ConnectionSettings, limits: TimeLimits): readonly ServerSetting[] {
  const given = settingsInOptions(settings.serverOptions);
  return lastOfEach([...ours(limits), ...given, ISOLATION, WARNINGS, ...MEANING, MARK]);
}

/** Those that can be made within a transaction; how it is isolated is decided when it begins. */
export function transactionSettings(
  settings: ConnectionSettings,
  limits: TimeLimits,
): readonly ServerSetting[] {
  return sessionSettings(settings, limits).filter(({ name }) => name.toLowerCase() !== ISOLATION.name);
}

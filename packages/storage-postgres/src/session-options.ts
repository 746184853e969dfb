import pg from 'pg';
import type { ConnectionSettings } from './connection-string.ts';
import type { TimeLimits } from './time-limits.ts';

const TIMESTAMPTZ_OID = 1184;

/** As pg's own, except that timestamps stay text: a Date has no microseconds. */
const TYPES = {
  getTypeParser(oid: number, format?: 'text' | 'binary') {
    return oid === TIMESTAMPTZ_OID ? (text: string) => text : pg.types.getTypeParser(oid, format);
  },
};

/**
 * Every statement here is made for one index: it reads from the front of it, or
 * finds rows by primary key, one after the other. Left to itself the planner
 * does otherwise on tables it knows little of: it sorts the backlog, or reads
 * the table in search of a thousand ids. Such a plan, once prepared on a table
 * that was empty, outlives the emptiness. So it is told what not to do;
 * statements that do read a whole table lift this for themselves.
 */
const STEADY_PLANS = ['seqscan', 'bitmapscan', 'sort', 'hashjoin', 'mergejoin'].map(
  (method) => `-c enable_${method}=off`,
);

/**
 * What every connection is opened with. Settings of the connection string come
 * last on the server's command line, and so win over ours.
 *
 * Text style and time zone are set because results are read by them, and JIT
 * is off because compiling takes longer than any statement here runs.
 */
export function sessionOptions(settings: ConnectionSettings, limits: TimeLimits): pg.ClientConfig {
  const ours = [
    ...STEADY_PLANS,
    '-c DateStyle=ISO',
    '-c TimeZone=UTC',
    '-c bytea_output=hex',
    '-c jit=off',
    `-c statement_timeout=${limits.statementMs}`,
    `-c lock_timeout=${limits.lockMs}`,
    `-c idle_in_transaction_session_timeout=${limits.idleInTransactionMs}`,
  ];
  return {
    ...(settings.host === undefined ? {} : { host: settings.host }),
    ...(settings.port === undefined ? {} : { port: settings.port }),
    ...(settings.user === undefined ? {} : { user: settings.user }),
    ...(settings.password === undefined ? {} : { password: settings.password }),
    ...(settings.database === undefined ? {} : { database: settings.database }),
    application_name: settings.applicationName,
    options: [...ours, settings.serverOptions].join(' ').trim(),
    types: TYPES as pg.CustomTypesConfig,
    keepAlive: true,
    connectionTimeoutMillis: settings.connectTimeoutMs ?? DEFAULT_CONNECT_TIMEOUT_MS,
  };
}

/** Longer than a request waits for a connection: one that comes late serves the next request. */
const DEFAULT_CONNECT_TIMEOUT_MS = 10_000;

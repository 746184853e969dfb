import pg from 'pg';
import type { ConnectionSettings } from './connection-string.ts';
import type { Host } from './host-list.ts';
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

/** Results are read by these, so no connection string may say otherwise. */
const RESULT_FORMAT = ['-c DateStyle=ISO', '-c TimeZone=UTC', '-c bytea_output=hex'];

/** What the statements are written for: each sees what is committed, and takes its locks on that. */
const ISOLATION = '-c default_transaction_isolation=read\\ committed';

/** A warning tells of a commit that its synchronous standby has not got; what says less nobody reads. */
const WARNINGS = '-c client_min_messages=warning';

/**
 * What a connection is opened with. The last one of
 * several settings of a name wins on the server's command line: the
 * connection string over our limits, and what correctness rests on over both.
 *
 * JIT is off because compiling takes longer than any statement here runs.
 *
 * @param host one of those of the string; the first when left out.
 */
export function sessionOptions(
  settings: ConnectionSettings,
  limits: TimeLimits,
  host: Host = settings.hosts[0] ?? {},
): pg.ClientConfig {
  const ours = [
    ...STEADY_PLANS,
    '-c jit=off',
    `-c statement_timeout=${limits.statementMs}`,
    `-c lock_timeout=${limits.lockMs}`,
    `-c idle_in_transaction_session_timeout=${limits.idleInTransactionMs}`,
  ];
  return {
    ...host,
    ...(settings.user === undefined ? {} : { user: settings.user }),
    ...(settings.password === undefined ? {} : { password: settings.password }),
    ...(settings.database === undefined ? {} : { database: settings.database }),
    application_name: settings.applicationName,
    options: [...ours, settings.serverOptions, ISOLATION, WARNINGS, ...RESULT_FORMAT]
      .filter((option) => option !== '')
      .join(' '),
    types: TYPES as pg.CustomTypesConfig,
  };
}

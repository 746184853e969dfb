import { StorageError, type StorageOutcome } from '@querator/core';
import { shortText } from './short-text.ts';
import { TimeLimitError } from './time-limit.ts';

/** What was going on when a call failed; it decides what is known of the outcome. */
export type Phase =
  /** Nothing has been sent: no connection yet. */
  | 'connect'
  /** Statements that change nothing, or that a COMMIT yet to be sent would have made count. */
  | 'harmless'
  /** A statement that commits by itself, or a COMMIT, has been sent. */
  | 'committing';

/** A failure of PostgreSQL or of the way to it. `sqlState` is there when the server itself answered. */
export class PostgresError extends StorageError {
  readonly sqlState: string | undefined;
  /** Whether the connection is of no more use. */
  readonly connectionLost: boolean;
  /** Whether a limit of our own ran out. */
  readonly timedOut: boolean;

  constructor(
    message: string,
    details: {
      readonly outcome: StorageOutcome;
      readonly sqlState?: string | undefined;
      readonly connectionLost: boolean;
      readonly timedOut: boolean;
      readonly cause?: unknown;
    },
  ) {
    super(message, details);
    this.sqlState = details.sqlState;
    this.connectionLost = details.connectionLost;
    this.timedOut = details.timedOut;
  }
}

/**
 * SQLSTATEs after which the session is gone, as whole codes or classes. Such
 * an answer says nothing of a statement that was under way: a backend that
 * is told to quit while it waits for a synchronous standby has committed.
 */
const SESSION_ENDED = new Set(['08', '57P01', '57P02', '57P03', '57P05', '25P03', '40003']);

/**
 * The session is in a transaction that it should not be in, or not in one that
 * it should: whatever went wrong before, it is of no further use.
 */
const SESSION_ASTRAY = new Set(['25001', '25P01', '25P02']);

/** The server is a standby or has been made one: another connection may reach the new primary. */
export const READ_ONLY = '25006';

/** The server, the database or the user has as many connections as it may have. */
export const TOO_MANY_CONNECTIONS = '53300';

/** The statement took longer than it may, or somebody had it ended. */
const QUERY_CANCELED = '57014';

/** The wait for a lock was longer than the limit. */
export const LOCK_TIMED_OUT = '55P03';

/** A unique index stands in the way. */
export const ALREADY_THERE = '23505';

/** No schema in which something could be made: a schema that one has no right to use looks like that. */
export const NO_SCHEMA = '3F000';

/** A text that is to be a number is none. */
export const NOT_A_NUMBER = '22P02';

/** A text is too long for the index it belongs into. */
export const TOO_LARGE = '54000';

/** The number for a new id is not to be used; see `nextNumberSql`. */
export const NUMBER_REFUSED = '2201G';

export const PERMISSION_DENIED = '42501';
const NO_DATABASE = '3D000';
/** The rules of access have nothing for this user, host, database and kind of connection. */
const NOT_ADMITTED = '28000';
/** There is no setting of that name. */
const UNKNOWN_SETTING = '42704';

/** The protocol was violated; PgBouncer says so of what it does not support. */
const PROTOCOL_VIOLATION = '08P01';
/** A prepared statement is not there, or is there already. */
const PREPARED_ELSEWHERE = new Set(['26000', '42P05']);

/** What versions of PostgreSQL say when their OpenSSL refuses to compute an MD5: an internal error, or too little memory. */
const MD5_FAULTS = new Set(['XX000', '53200']);

/** A conflict with a concurrent transaction; the same statement may go through at once. */
const CONFLICTS = new Set(['40001', '40P01']);

/** node-postgres refuses to send on a connection it knows to be gone; nothing was sent. */
const NEVER_SENT = /is not queryable$/;

/**
 * Classes whose messages quote what was stored or asked for: data exceptions
 * and violated constraints. Theirs are left out.
 */
const QUOTES_DATA = new Set(['21', '22', '23']);

/** Whether an error of this state may go away by repeating the statement now. */
export function isConflict(sqlState: string | undefined): boolean {
  return sqlState !== undefined && CONFLICTS.has(sqlState);
}

/** Whether a statement took longer than it may, or somebody had it ended. */
export function isQueryCanceled(error: unknown): boolean {
  return error instanceof PostgresError && error.sqlState === QUERY_CANCELED;
}

/** Whether a statement, or its wait for a lock, took longer than the server was told to let it. */
export function isStatementTimeout(error: unknown): boolean {
  if (!(error instanceof PostgresError)) return false;
  return error.sqlState === QUERY_CANCELED || error.sqlState === LOCK_TIMED_OUT;
}

/** Whether the fault lies with what was to be stored, and not with the storage. */
export function isDataFault(sqlState: string | undefined): boolean {
  if (sqlState === undefined || sqlState === NUMBER_REFUSED) return false;
  return sqlState.startsWith('22') || sqlState.startsWith('23');
}

/** A table or sequence is not there (any more). */
export function isUndefinedTable(sqlState: string | undefined): boolean {
  return sqlState === '42P01';
}

/** Whether it may be md5() that the server refuses. */
export function isMd5Fault(error: unknown): boolean {
  return error instanceof PostgresError && error.sqlState !== undefined && MD5_FAULTS.has(error.sqlState);
}

/** A right is missing. */
export function isPermissionDenied(error: unknown): boolean {
  return error instanceof PostgresError && error.sqlState === PERMISSION_DENIED;
}

/** Wrong password, no such database, no right to connect: another host would say the same. */
export function refusesUser(error: unknown): boolean {
  const sqlState = sqlStateOf(error);
  if (sqlState === undefined) return false;
  return sqlState.startsWith('28') || sqlState === NO_DATABASE || sqlState === PERMISSION_DENIED;
}

/** The rules of access may have a place for the other kind of connection, encrypted or not. */
export function mayAdmitOtherwise(sqlState: string): boolean {
  return sqlState === NOT_ADMITTED;
}

/** Whether a connection was refused because of the settings that came with it, as PgBouncer does. */
export function refusesOptions(error: unknown): boolean {
  if (sqlStateOf(error) !== PROTOCOL_VIOLATION || !(error instanceof Error)) return false;
  return /unsupported startup parameter(?: in options)?: /.test(error.message);
}

/** Whether a statement with a name failed as it does where another session had prepared it. */
export function preparedElsewhere(sqlState: string | undefined): boolean {
  return sqlState !== undefined && PREPARED_ELSEWHERE.has(sqlState);
}

/**
 * Turns whatever `pg` throws into a storage error: says what went wrong
 * without statement, parameters, stored values or connection string, and what
 * is known of the outcome.
 *
 * @param backend the name of the backend, for the message.
 */
export function toPostgresError(error: unknown, backend: string, phase: Phase): PostgresError {
  if (error instanceof PostgresError) return error;
  const sqlState = sqlStateOf(error);
  const connectionLost = phase !== 'connect' && endsSession(error, sqlState);
  const neverSent = error instanceof Error && NEVER_SENT.test(error.message);
  const answered = sqlState !== undefined && !endsSession(error, sqlState);
  const outcome = phase !== 'committing' || answered || neverSent ? 'not-applied' : 'unknown';
  const advice = phase === 'connect' ? adviceOn(error, sqlState) : '';
  return new PostgresError(`storage '${backend}': ${describe(error, sqlState)}${advice}`, {
    outcome,
    sqlState,
    connectionLost: connectionLost || (sqlState !== undefined && isUnusable(sqlState)),
    timedOut: error instanceof TimeLimitError,
    cause: systemErrorOf(error),
  });
}

/**
 * For a statement that was answered and is not committed: something in between
 * has put it in a transaction of its own making. Whether that is ever
 * committed nobody knows.
 */
export function notCommitted(backend: string, phase: Phase): PostgresError {
  const reason =
    'a statement was answered before it was committed, which a pooler does on the way to the server';
  return new PostgresError(
    `storage '${backend}': ${reason}; pgpool-II needs backend_clustering_mode = 'streaming_replication'`,
    {
      outcome: phase === 'committing' ? 'unknown' : 'not-applied',
      connectionLost: true,
      timedOut: false,
    },
  );
}

/** No schema of the search path is there and may be used; the answer that PostgreSQL gives to CREATE then. */
export function noSchema(backend: string): PostgresError {
  const reason = `no schema has been selected to create in (SQLSTATE ${NO_SCHEMA})`;
  return new PostgresError(`storage '${backend}': ${reason}`, {
    outcome: 'not-applied',
    sqlState: NO_SCHEMA,
    connectionLost: false,
    timedOut: false,
  });
}

/** For a statement whose caller had set it a limit that is over, or has left. */
export function givenUp(backend: string, cause: unknown): StorageError {
  const message = `storage '${backend}': the statement was given up`;
  return new StorageError(message, { outcome: 'not-applied', gaveUp: true, cause });
}

/** The server ended the statement since its time was up, or it was asked to. */
export function isTimeUp(error: unknown): boolean {
  return error instanceof PostgresError && error.sqlState === QUERY_CANCELED;
}

/** The session is there, and no other statement should be sent on it. */
function isUnusable(sqlState: string): boolean {
  return sqlState === READ_ONLY || SESSION_ASTRAY.has(sqlState);
}

/** The five characters a server's error carries; Node's own codes, such as ECONNRESET, are longer. */
export function sqlStateOf(error: unknown): string | undefined {
  const code = codeOf(error);
  return code !== undefined && /^[0-9A-Z]{5}$/.test(code) && !code.startsWith('E') ? code : undefined;
}

function codeOf(error: unknown): string | undefined {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : undefined;
}

function endsSession(error: unknown, sqlState: string | undefined): boolean {
  if (sqlState === undefined) return true;
  if (SESSION_ENDED.has(sqlState) || SESSION_ENDED.has(sqlState.slice(0, 2))) return true;
  const severity = error instanceof Error && 'severity' in error ? error.severity : undefined;
  return severity === 'FATAL' || severity === 'PANIC';
}

function describe(error: unknown, sqlState: string | undefined): string {
  if (!(error instanceof Error)) return 'unknown failure';
  const message = shortText(error.message);
  if (sqlState === undefined) return message || (codeOf(error) ?? error.name);
  if (sqlState === NUMBER_REFUSED)
    return `the sequence of item ids was set back, or the server is another one`;
  if (QUOTES_DATA.has(sqlState.slice(0, 2))) return `PostgreSQL refused the data (SQLSTATE ${sqlState})`;
  return `${message} (SQLSTATE ${sqlState})`;
}

/** What the server does not say itself when it turns a connection away. */
function adviceOn(error: unknown, sqlState: string | undefined): string {
  if (sqlState === PERMISSION_DENIED) return '; missing: GRANT CONNECT ON DATABASE';
  // The youngest of the settings that connections are opened with came with PostgreSQL 11.
  const isOld = sqlState === UNKNOWN_SETTING && error instanceof Error && error.message.includes('"jit"');
  return isOld ? '; PostgreSQL 12 or newer is needed' : '';
}

/** Only errors of the operating system go to the log as they are; a server's may carry rows in `detail`. */
function systemErrorOf(error: unknown): unknown {
  return error instanceof Error && 'syscall' in error ? error : undefined;
}

import { StorageError, type StorageOutcome } from '@querator/core';
import { shortText } from './short-text.ts';
import { TimeLimitError } from './time-limit.ts';

/** What the call was doing when it failed. It decides what is known of the outcome. */
export type Phase =
  /** There was no connection yet, so nothing has been sent. */
  | 'connect'
  /** Only statements that change nothing, or whose COMMIT has not been sent yet. */
  | 'harmless'
  /** A COMMIT has been sent, or a statement that commits by itself. */
  | 'committing';

/** A failure of PostgreSQL, or of the connection to it. `sqlState` is set if the server itself answered. */
export class PostgresError extends StorageError {
  readonly sqlState: string | undefined;
  /** Whether the connection can no longer be used. */
  readonly connectionLost: boolean;
  /** Whether one of our own time limits was exceeded. */
  readonly timedOut: boolean;

  constructor(
    message: string,
    details: {
      readonly outcome: StorageOutcome;
      readonly sqlState?: string | undefined;
      readonly connectionLost: boolean;
      readonly timedOut: boolean;
      readonly closed?: boolean;
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
 * SQLSTATEs, or classes of them, after which the session is gone. They do not reveal
 * the outcome of the statement in flight. A backend that is terminated while it waits
 * for a synchronous standby has committed.
 */
const SESSION_ENDED = new Set(['08', '57P01', '57P02', '57P03', '57P05', '25P03', '40003']);

/**
 * The session is in a transaction when it should not be, or the other way round. It
 * cannot be used any more, whatever happened before.
 */
const SESSION_UNUSABLE = new Set(['25001', '25P01', '25P02']);

/** The server is a standby, or has become one. Another connection may reach the new primary. */
export const READ_ONLY = '25006';

/** The server, the database or the user has reached its limit of connections. */
export const TOO_MANY_CONNECTIONS = '53300';

/** The statement ran into its time limit, or was cancelled. */
const QUERY_CANCELED = '57014';

/** The wait for a lock reached its time limit. */
export const LOCK_TIMED_OUT = '55P03';

/** A unique index already has the value. */
export const ALREADY_THERE = '23505';

/** There is no schema to create a relation in. A schema without the USAGE right looks the same. */
export const NO_SCHEMA = '3F000';

/** A text cannot be read as a number. */
export const NOT_A_NUMBER = '22P02';

/** A text is too long for its index. */
export const TOO_LARGE = '54000';

/** The gate of a partition that moves, or has moved, has refused a write. */
export const PARTITION_CLOSED = 'QM001';

/** The number for a new id must not be used; see `nextNumberSql`. */
export const NUMBER_REFUSED = '2201G';

export const PERMISSION_DENIED = '42501';
const NO_DATABASE = '3D000';
/** `pg_hba.conf` has no entry for this user, host, database and kind of connection. */
const NOT_ADMITTED = '28000';
/** There is no setting of this name. */
const UNKNOWN_SETTING = '42704';

/** A violation of the protocol. PgBouncer also reports features it does not support this way. */
const PROTOCOL_VIOLATION = '08P01';
/** A prepared statement does not exist, or exists already. */
const PREPARED_ELSEWHERE = new Set(['26000', '42P05']);

/**
 * What PostgreSQL reports if OpenSSL refuses to compute an MD5. Depending on its
 * version, an internal error or out of memory.
 */
const MD5_FAULTS = new Set(['XX000', '53200']);

/** A conflict with a concurrent transaction. The same statement may succeed at once. */
const CONFLICTS = new Set(['40001', '40P01']);

/** node-postgres refuses to send on a connection that it knows to be gone. Nothing was sent. */
const NEVER_SENT = /is not queryable$/;

/**
 * Classes whose messages quote what was stored or asked for: data exceptions and
 * violated constraints. We leave those messages out.
 */
const QUOTES_DATA = new Set(['21', '22', '23']);

/** Whether repeating the statement now may succeed. */
export function isConflict(sqlState: string | undefined): boolean {
  return sqlState !== undefined && CONFLICTS.has(sqlState);
}

/** Whether a statement ran into its time limit, or was cancelled. */
export function isQueryCanceled(error: unknown): boolean {
  return error instanceof PostgresError && error.sqlState === QUERY_CANCELED;
}

/** Whether a statement, or its wait for a lock, ran into the server's time limit. */
export function isStatementTimeout(error: unknown): boolean {
  if (!(error instanceof PostgresError)) return false;
  return error.sqlState === QUERY_CANCELED || error.sqlState === LOCK_TIMED_OUT;
}

/** Whether the data that was to be stored is at fault, and not the storage. */
export function isDataFault(sqlState: string | undefined): boolean {
  if (sqlState === undefined || sqlState === NUMBER_REFUSED) return false;
  return sqlState.startsWith('22') || sqlState.startsWith('23');
}

/** Whether a table or sequence does not exist. */
export function isUndefinedTable(sqlState: string | undefined): boolean {
  return sqlState === '42P01';
}

/** Not supported, no such syntax, or no such function. */
const UNKNOWN_STATEMENT: ReadonlySet<unknown> = new Set(['0A000', '42601', '42883']);

/** Whether the server does not have the statement. @param error a `PostgresError`, or one of pg. */
export function isUnknownStatement(error: unknown): boolean {
  return UNKNOWN_STATEMENT.has(error instanceof PostgresError ? error.sqlState : sqlStateOf(error));
}

/** Whether a column does not exist. */
export function isUndefinedColumn(sqlState: string | undefined): boolean {
  return sqlState === '42703';
}

/** Whether the server may have refused to compute an MD5. */
export function isMd5Fault(error: unknown): boolean {
  return error instanceof PostgresError && error.sqlState !== undefined && MD5_FAULTS.has(error.sqlState);
}

/** Whether the user lacks a right. */
export function isPermissionDenied(error: unknown): boolean {
  return error instanceof PostgresError && error.sqlState === PERMISSION_DENIED;
}

/** Wrong password, no such database, or no right to connect. Another host would answer the same. */
export function refusesUser(error: unknown): boolean {
  const sqlState = sqlStateOf(error);
  if (sqlState === undefined) return false;
  return sqlState.startsWith('28') || sqlState === NO_DATABASE || sqlState === PERMISSION_DENIED;
}

/** Whether `pg_hba.conf` may have an entry for the other kind of connection, encrypted or not. */
export function mayAdmitOtherwise(sqlState: string): boolean {
  return sqlState === NOT_ADMITTED;
}

/** Whether a connection was refused because of the settings sent with it, as PgBouncer does. */
export function refusesOptions(error: unknown): boolean {
  if (sqlStateOf(error) !== PROTOCOL_VIOLATION || !(error instanceof Error)) return false;
  return /unsupported startup parameter(?: in options)?: /.test(error.message);
}

/** Whether a prepared statement failed as it does if another session had prepared it. */
export function preparedElsewhere(sqlState: string | undefined): boolean {
  return sqlState !== undefined && PREPARED_ELSEWHERE.has(sqlState);
}

/**
 * Turns whatever `pg` throws into a storage error. The message has no statement,
 * parameters, stored values or connection string.
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
  const advice = phase === 'connect' ? adviceOn(error, sqlState) : pgpoolAdvice(error);
  return new PostgresError(`storage '${backend}': ${describe(error, sqlState)}${advice}`, {
    outcome,
    sqlState,
    connectionLost: connectionLost || (sqlState !== undefined && isUnusable(sqlState)),
    timedOut: error instanceof TimeLimitError,
    closed: sqlState === PARTITION_CLOSED,
    cause: systemErrorOf(error),
  });
}

const PGPOOL_ADVICE = "; pgpool-II needs backend_clustering_mode = 'streaming_replication'";

/** In raw mode pgpool-II refuses statements that its own parser does not read. In streaming mode it passes them on. */
function pgpoolAdvice(error: unknown): string {
  return error instanceof Error && error.message === 'unable to parse the query' ? PGPOOL_ADVICE : '';
}

/**
 * For a statement that was answered but not committed: a pooler has put it in a
 * transaction of its own. Whether that transaction ever commits is unknown.
 */
export function notCommitted(backend: string, phase: Phase): PostgresError {
  const reason =
    'a statement was answered before it was committed, which a pooler does on the way to the server';
  return new PostgresError(`storage '${backend}': ${reason}${PGPOOL_ADVICE}`, {
    outcome: phase === 'committing' ? 'unknown' : 'not-applied',
    connectionLost: true,
    timedOut: false,
  });
}

/**
 * No schema of the search path exists and may be used. The answer is the one
 * PostgreSQL gives to CREATE then.
 */
export function noSchema(backend: string): PostgresError {
  const reason = `no schema has been selected to create in (SQLSTATE ${NO_SCHEMA})`;
  return new PostgresError(`storage '${backend}': ${reason}`, {
    outcome: 'not-applied',
    sqlState: NO_SCHEMA,
    connectionLost: false,
    timedOut: false,
  });
}

/** For a statement whose caller has left, or had set a time limit that is over. */
export function givenUp(backend: string, cause: unknown): StorageError {
  const message = `storage '${backend}': the statement was given up`;
  return new StorageError(message, { outcome: 'not-applied', gaveUp: true, cause });
}

/** The session exists, but no other statement should be sent on it. */
function isUnusable(sqlState: string): boolean {
  return sqlState === READ_ONLY || SESSION_UNUSABLE.has(sqlState);
}

/** The five characters of a server's error. Node's own codes, such as ECONNRESET, are longer. */
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
  if (sqlState === NUMBER_REFUSED) return `the sequence of item ids was set back, or the server has changed`;
  if (QUOTES_DATA.has(sqlState.slice(0, 2))) return `PostgreSQL refused the data (SQLSTATE ${sqlState})`;
  return `${message} (SQLSTATE ${sqlState})`;
}

/** What the server does not say itself when it refuses a connection. */
function adviceOn(error: unknown, sqlState: string | undefined): string {
  if (sqlState === PERMISSION_DENIED) return '; missing: GRANT CONNECT ON DATABASE';
  // The newest setting that we open connections with came with PostgreSQL 11.
  const isOld = sqlState === UNKNOWN_SETTING && error instanceof Error && error.message.includes('"jit"');
  return isOld ? '; PostgreSQL 12 or newer is needed' : '';
}

/**
 * Only errors of the operating system are logged as they are. An error of the server
 * may carry rows in `detail`.
 */
function systemErrorOf(error: unknown): unknown {
  return error instanceof Error && 'syscall' in error ? error : undefined;
}

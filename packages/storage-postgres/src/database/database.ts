import { type Clock, type CountOptions, type Logger, type Random, silentLogger } from '@querator/core';
import type pg from 'pg';
import type { Connection } from '../connection/connection.ts';
import {
  givenUp,
  isConflict,
  isQueryCanceled,
  notCommitted,
  type Phase,
  PostgresError,
  preparedElsewhere,
  READ_ONLY,
  toPostgresError,
} from '../errors/postgres-error.ts';
import { withTimeLimit } from '../errors/time-limit.ts';
import type { ItemNumbers } from '../pool/item-numbers.ts';
import type { PoolShare } from '../pool/pool-registry.ts';
import type { RunSerially } from '../pool/semaphore.ts';
import type { TimeLimits } from '../settings/time-limits.ts';
import type { BinaryRow } from '../wire/binary-row.ts';
import { AbortableStatements } from './abortable-statements.ts';
import { NARROW, NARROW_LOCALLY, SEARCH_PATH, type SearchPath, toSearchPath } from './search-path.ts';
import { TableSchema } from './table-schema.ts';
import { WriteFaults } from './write-faults.ts';

/** An SQL statement with its parameters. With a name, it is prepared once per connection. */
export interface Statement {
  readonly name?: string | undefined;
  readonly text: string;
  readonly values?: readonly unknown[] | undefined;
  /**
   * A statement without parameters that returns no row. It runs first, in the same
   * transaction and round trip, and before the snapshot of the statement is taken.
   */
  readonly before?: string | undefined;
  /**
   * Reads each row, in the order of its columns. Undefined: rows are objects with a
   * property for each column.
   */
  readonly read?: ((row: BinaryRow) => unknown) | undefined;
}

/** Sends statements on one connection. */
export interface Session {
  query<Row>(statement: Statement): Promise<readonly Row[]>;
}

/** How often a statement is tried in all if it meets deadlocks or serialisation failures. */
const CONFLICT_TRIES = 4;
/** The longest pause before the second try. It grows with each try. */
const CONFLICT_PAUSE_MS = 20;

interface TransactionOptions {
  /** Settings for the transaction. */
  readonly settings?: string;
  readonly limitMs: number;
  /** What is known of the outcome if the COMMIT fails. */
  readonly commit: Phase;
}

/**
 * Runs statements and transactions. Gets a connection, applies time limits, repeats
 * where that is safe, and turns errors into storage errors.
 */
export class Database {
  /** The storage's name, for errors and the log. */
  readonly name: string;
  readonly #share: PoolShare;
  readonly #limits: TimeLimits;
  readonly #random: Random;
  /** For messages to the operator of the storage. */
  readonly logger: Logger;
  readonly #clock: Clock;
  /** Connections that may still be in a transaction. They are not used again. */
  readonly #unusable = new WeakSet<Connection>();
  readonly #abortable: AbortableStatements;
  /** Connections whose search path is restricted to PostgreSQL's catalogue. */
  readonly #narrowed = new WeakSet<Connection>();
  /** The schema of our tables. */
  readonly schema: TableSchema;
  /** Writes that the server refused because it cannot work. */
  readonly writeFaults: WriteFaults;
  readonly #narrows: boolean;
  #settingsStatement: string | undefined;

  constructor(deps: {
    readonly name: string;
    readonly share: PoolShare;
    readonly limits: TimeLimits;
    readonly random: Random;
    readonly logger?: Logger | undefined;
    /** Undefined: the search path stays as it is, for statements of other code. */
    readonly schema?: TableSchema | undefined;
  }) {
    this.name = deps.name;
    this.#share = deps.share;
    this.#clock = deps.share.clock;
    this.writeFaults = new WriteFaults(this.#clock);
    this.#limits = deps.limits;
    this.#abortable = new AbortableStatements({
      clock: this.#clock,
      graceMs: deps.limits.answerGraceMs,
      giveUp: (client) => this.#unusable.add(client),
    });
    this.#random = deps.random;
    this.logger = deps.logger ?? silentLogger;
    this.schema = deps.schema ?? new TableSchema();
    this.#narrows = deps.schema !== undefined;
  }

  /** The numbers of item ids that all users of the pool know. */
  get itemNumbers(): ItemNumbers {
    return this.#share.pool.itemNumbers;
  }

  /** Runs reads of low-water marks one at a time, for all users of the pool. */
  get runSerially(): RunSerially {
    return (work) => this.#share.pool.markReads.run(work);
  }

  /** Whether statements are in flight on the connections that it shares. */
  get isBusy(): boolean {
    const { open, idle, waiting } = this.#share.pool.state;
    return open > idle || waiting > 0;
  }

  /** The clock that measures time limits. */
  get clock(): Clock {
    return this.#clock;
  }

  /** Runs long work that no request waits for, on few of the pool's connections. */
  runInBackground<T>(work: () => Promise<T>): Promise<T> {
    return this.#share.pool.background.run(work);
  }

  /** Runs a statement that changes nothing. Repeats it once if its connection was dead. */
  read<Row>(statement: Statement): Promise<readonly Row[]> {
    return this.#run((client) => this.#sendAlone<Row>(client, statement, 'harmless'));
  }

  /** The search path of the user's sessions. */
  async searchPath(): Promise<SearchPath> {
    const { pool } = this.#share;
    const [path] = await this.#run((client) =>
      this.#send<SearchPath>(
        client,
        { text: SEARCH_PATH },
        this.#limits.statementMs,
        'harmless',
        pool.usersPathStatement(this.#limits),
      ),
    );
    return toSearchPath(path);
  }

  /** As `read`, for a read that no request waits for. All such reads share few of the pool's connections. */
  readInBackground<Row>(statement: Statement): Promise<readonly Row[]> {
    return this.#share.pool.background.run(() => this.read<Row>(statement));
  }

  /** As `readInBackground`, for a statement that has to read a whole table. */
  scanInBackground<Row>(statement: Statement): Promise<readonly Row[]> {
    const options = { settings: 'enable_seqscan = on', limitMs: this.#limits.statementMs } as const;
    return this.#share.pool.background.run(() => this.#runReading<Row>(statement, options));
  }

  /**
   * Runs a statement that counts a whole table. Counts share few of the pool's
   * connections, and use one process of the server each. The rest is for requests.
   */
  count<Row>(statement: Statement, options: CountOptions = {}): Promise<readonly Row[]> {
    const { countMs, statementMs } = this.#limits;
    const settings = '; SET LOCAL enable_seqscan = on; SET LOCAL max_parallel_workers_per_gather = 0';
    return this.#share.pool.count((isBrief) =>
      this.#runLimited<Row>(statement, options, isBrief ? statementMs : countMs, settings),
    );
  }

  /** Runs a statement of a search. Searches share few of the pool's connections, as counts do. */
  search<Row>(statement: Statement, options: Required<Pick<CountOptions, 'limitMs'>> & CountOptions) {
    const { statementMs } = this.#limits;
    return this.#share.pool.search(() => this.#runLimited<Row>(statement, options, statementMs));
  }

  /** @throws StorageError with `gaveUp` if the caller's limit or signal ends it. */
  async #runLimited<Row>(statement: Statement, options: CountOptions, longest: number, more = '') {
    const { limitMs, signal } = options;
    const ms = Math.max(Math.ceil(Math.min(limitMs ?? longest, longest)), 1);
    const lockMs = Math.min(ms, this.#limits.maintenanceMs);
    const settings = `statement_timeout = ${ms}; SET LOCAL lock_timeout = ${lockMs}${more}`;
    try {
      return await this.#runReading<Row>(statement, { settings, limitMs: ms, signal });
    } catch (error) {
      const isOurDoing = signal?.aborted === true || (limitMs !== undefined && isQueryCanceled(error));
      throw isOurDoing ? givenUp(this.name, error) : error;
    }
  }

  #runReading<Row>(
    statement: Statement,
    { signal, ...options }: Omit<TransactionOptions, 'commit'> & Pick<CountOptions, 'signal'>,
  ): Promise<readonly Row[]> {
    const transaction = { ...options, commit: 'harmless' } as const;
    const work = (session: Session) => session.query<Row>(statement);
    return this.#run((client) =>
      this.#abortable.run(client, signal, () => this.#transact(client, transaction, work)),
    );
  }

  /** Runs a statement that commits by itself. Never repeats it if its outcome is unknown. */
  async write<Row>(statement: Statement): Promise<readonly Row[]> {
    try {
      const rows = await this.#run((client) => this.#sendAlone<Row>(client, statement, 'committing'));
      if (this.writeFaults.any) this.writeFaults.written(statement.name);
      return rows;
    } catch (error) {
      this.#noteRefusal(statement.name, error);
      throw error;
    }
  }

  /**
   * Runs `work` in a transaction, and repeats it after a conflict with another one.
   * Rolls back if `work` throws.
   */
  transaction<T>(work: (session: Session) => Promise<T>): Promise<T> {
    const options = { limitMs: this.#limits.statementMs, commit: 'committing' } as const;
    return this.#run((client) => this.#transact(client, options, work));
  }

  /** As `transaction`, with the time limit of an operator's statements, which may read whole tables. */
  maintenance<T>(work: (session: Session) => Promise<T>): Promise<T> {
    const limitMs = this.#limits.maintenanceMs;
    const settings = `statement_timeout = ${limitMs}; SET LOCAL lock_timeout = ${limitMs}; SET LOCAL enable_seqscan = on`;
    const options = { settings, limitMs, commit: 'committing' } as const;
    return this.#run((client) => this.#transact(client, options, work));
  }

  #noteRefusal(statement: string | undefined, error: unknown): void {
    if (error instanceof PostgresError) this.writeFaults.refused(statement, error);
  }

  async #run<T>(use: (client: Connection) => Promise<T>): Promise<T> {
    let mayReconnect = true;
    let mayPrepare = true;
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#onConnection(use);
      } catch (error) {
        if (!(error instanceof PostgresError) || error.outcome === 'unknown') throw error;
        if (isConflict(error.sqlState) && attempt < CONFLICT_TRIES) {
          await this.#pause(this.#random.fraction() * CONFLICT_PAUSE_MS * attempt);
        } else if (error.connectionLost && !error.timedOut && mayReconnect) {
          mayReconnect = false;
        } else if (preparedElsewhere(error.sqlState) && mayPrepare) {
          // The next try prepares nothing. Other statements may have detected the pooler already.
          mayPrepare = false;
          this.#share.pool.pooler.detected(error.message);
        } else {
          throw error;
        }
        this.logger.debug('statement is repeated', { storage: this.name, reason: error.message });
      }
    }
  }

  async #onConnection<T>(use: (client: Connection) => Promise<T>): Promise<T> {
    let client: Connection;
    try {
      client = await this.#share.pool.acquire(this.#limits.acquireMs);
    } catch (error) {
      throw toPostgresError(error, this.name, 'connect');
    }
    let broken = false;
    try {
      return await use(client);
    } catch (error) {
      if (error instanceof PostgresError) {
        broken = error.connectionLost;
        // The pool's other connections lead to the same server.
        if (error.sqlState === READ_ONLY) this.#share.pool.avoidReadOnly();
        else if (error.timedOut) {
          this.#share.pool.distrustIdle();
          this.#abortable.closeAll();
        }
      }
      throw error;
    } finally {
      this.#share.pool.release(client, broken || this.#unusable.has(client));
    }
  }

  async #transact<T>(
    client: Connection,
    { settings, limitMs, commit }: TransactionOptions,
    work: (session: Session) => Promise<T>,
  ): Promise<T> {
    const send = <Row>(statement: Statement, phase: Phase = 'harmless') =>
      this.#send<Row>(client, statement, limitMs, phase);
    let result: T;
    try {
      const begin = { text: this.#beginning(settings) };
      await this.#send(client, begin, Math.min(limitMs, this.#limits.statementMs), 'harmless');
      result = await work({ query: send });
    } catch (error) {
      await this.#rollBack(client, error, send);
      if (commit === 'committing') this.#noteRefusal(undefined, error);
      throw error;
    }
    try {
      await send({ text: 'COMMIT' }, commit);
    } catch (error) {
      this.#unusable.add(client);
      this.#noteRefusal(undefined, error);
      throw error;
    }
    if (this.writeFaults.any && commit === 'committing') this.writeFaults.written(undefined);
    return result;
  }

  #beginning(settings: string | undefined): string {
    const own = this.#settings;
    const parts = own === undefined ? ['BEGIN'] : ['BEGIN ISOLATION LEVEL READ COMMITTED', own];
    if (own === undefined && this.#narrows) parts.push(NARROW_LOCALLY);
    if (settings !== undefined) parts.push(`SET LOCAL ${settings}`);
    return parts.join('; ');
  }

  /** The statement that sets the session settings for a transaction. Undefined if the session keeps them. */
  get #settings(): string | undefined {
    const { pool } = this.#share;
    if (pool.keepsSessions) return undefined;
    const path = this.#narrows ? 'catalogue' : 'users';
    this.#settingsStatement ??= pool.settingsStatement(this.#limits, path);
    return this.#settingsStatement;
  }

  /** Gives up a connection whose transaction cannot be ended. The first error is the one reported. */
  async #rollBack(
    client: Connection,
    error: unknown,
    send: (statement: Statement) => Promise<unknown>,
  ): Promise<void> {
    if (error instanceof PostgresError && error.connectionLost) return;
    try {
      await send({ text: 'ROLLBACK' });
    } catch {
      this.#unusable.add(client);
    }
  }

  /** Sends a statement that is its own transaction, which has ended once it is answered. */
  async #sendAlone<Row>(client: Connection, statement: Statement, phase: Phase): Promise<readonly Row[]> {
    const settings = this.#settings ?? this.#narrowing(client);
    const rows = await this.#send<Row>(client, statement, this.#limits.statementMs, phase, settings);
    if (client.inTransaction) throw notCommitted(this.name, phase);
    if (settings === NARROW) this.#narrowed.add(client);
    return rows;
  }

  /**
   * The statement that narrows the search path, sent with the session's first
   * statement. Undefined once that is done.
   */
  #narrowing(client: Connection): string | undefined {
    return !this.#narrows || this.#narrowed.has(client) ? undefined : NARROW;
  }

  async #send<Row>(
    client: Connection,
    statement: Statement,
    limitMs: number,
    phase: Phase,
    settings?: string,
  ): Promise<readonly Row[]> {
    const ms = limitMs + this.#limits.answerGraceMs;
    try {
      const before = [settings, statement.before].filter((text) => text !== undefined);
      const answer = client.query(this.#config(statement), { before, read: statement.read });
      const message = `no answer within ${ms} ms`;
      const rows = await withTimeLimit(answer, { ms, clock: this.#clock, message });
      return rows as Row[];
    } catch (error) {
      throw toPostgresError(error, this.name, phase);
    }
  }

  #config({ name, text, values }: Statement): pg.QueryConfig {
    const config: pg.QueryConfig = { text, ...(values === undefined ? {} : { values: values as unknown[] }) };
    return name !== undefined && this.#share.pool.keepsSessions ? { ...config, name } : config;
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => void this.#clock.startTimer(ms, resolve));
  }
}

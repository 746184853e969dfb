import { type Clock, type CountOptions, type Logger, type Random, silentLogger } from '@querator/core';
import type pg from 'pg';
import type { Connection } from '../connection/connection.ts';
import {
  givenUp,
  isConflict,
  isTimeUp,
  notCommitted,
  type Phase,
  PostgresError,
  preparedElsewhere,
  READ_ONLY,
  toPostgresError,
} from '../errors/postgres-error.ts';
import { withTimeLimit } from '../errors/time-limit.ts';
import type { ItemNumbers } from '../pool/item-numbers.ts';
import type { InTurn } from '../pool/look-turns.ts';
import type { PoolShare } from '../pool/pool-registry.ts';
import type { TimeLimits } from '../settings/time-limits.ts';
import type { BinaryRow } from '../wire/binary-row.ts';
import { CutOffs } from './cut-offs.ts';
import { NARROW, NARROW_LOCALLY, SEARCH_PATH, type SearchPath, toSearchPath } from './search-path.ts';
import { TableSchema } from './table-schema.ts';
import { WriteFaults } from './write-faults.ts';

/** An SQL statement with its parameters. One with a name is prepared once per connection. */
export interface Statement {
  readonly name?: string | undefined;
  readonly text: string;
  readonly values?: readonly unknown[] | undefined;
  /**
   * A statement without parameters that gives no row. It runs first, in the same
   * transaction and round trip; the snapshot of the statement proper is taken after it.
   */
  readonly before?: string | undefined;
  /** Reads each row, in the order of its columns. Absent: rows are objects with a property for each column. */
  readonly read?: ((row: BinaryRow) => unknown) | undefined;
}

/** Sends statements on one connection. */
export interface Session {
  query<Row>(statement: Statement): Promise<readonly Row[]>;
}

/** How often a statement that met a deadlock or a serialisation failure is tried in all. */
const CONFLICT_TRIES = 4;
/** The pause before the next try is up to this, times the number of tries. */
const CONFLICT_PAUSE_MS = 20;

interface TransactionOptions {
  /** What is set for the transaction alone. */
  readonly settings?: string;
  readonly limitMs: number;
  /** Whether the COMMIT makes something count. */
  readonly commit: Phase;
}

/**
 * Statements and transactions with all that has to go with them: a connection,
 * time limits, repetition where it is safe, and errors as storage errors.
 */
export class Database {
  /** The storage's name, for errors and the log. */
  readonly name: string;
  readonly #share: PoolShare;
  readonly #limits: TimeLimits;
  readonly #random: Random;
  /** For what the storage's operator should know. */
  readonly logger: Logger;
  readonly #clock: Clock;
  /** Connections that may still be in a transaction: never to be used again. */
  readonly #unusable = new WeakSet<Connection>();
  readonly #cutOffs: CutOffs;
  /** Connections whose search path is narrowed. */
  readonly #narrowed = new WeakSet<Connection>();
  /** Where our tables are. */
  readonly schema: TableSchema;
  /** Writes that the server refused because it cannot do its work. */
  readonly writeFaults: WriteFaults;
  readonly #narrows: boolean;
  #settingsStatement: string | undefined;

  constructor(deps: {
    readonly name: string;
    readonly share: PoolShare;
    readonly limits: TimeLimits;
    readonly random: Random;
    readonly logger?: Logger | undefined;
    /** Absent: statements of others' are sent, so the search path is left as it is. */
    readonly schema?: TableSchema | undefined;
  }) {
    this.name = deps.name;
    this.#share = deps.share;
    this.#clock = deps.share.clock;
    this.writeFaults = new WriteFaults(this.#clock);
    this.#limits = deps.limits;
    this.#cutOffs = new CutOffs({
      clock: this.#clock,
      graceMs: deps.limits.answerGraceMs,
      giveUp: (client) => this.#unusable.add(client),
    });
    this.#random = deps.random;
    this.logger = deps.logger ?? silentLogger;
    this.schema = deps.schema ?? new TableSchema();
    this.#narrows = deps.schema !== undefined;
  }

  /** The numbers of item ids that are known to all who share its connections. */
  get itemNumbers(): ItemNumbers {
    return this.#share.pool.itemNumbers;
  }

  /** Has looks of low-water marks take turns, over all who share its connections. */
  get inTurn(): InTurn {
    return this.#share.pool.markLook;
  }

  /** Whether statements are under way on the connections that it shares. */
  get isBusy(): boolean {
    const { open, idle, waiting } = this.#share.pool.state;
    return open > idle || waiting > 0;
  }

  /** By which it measures its time limits. */
  get clock(): Clock {
    return this.#clock;
  }

  /** Has work that takes long, and that no request waits for, use few of the connections. */
  get withPatience(): InTurn {
    return (work) => this.#share.pool.looks.run(work);
  }

  /** Runs a statement that changes nothing; once more when its connection was found dead. */
  read<Row>(statement: Statement): Promise<readonly Row[]> {
    return this.#run((client) => this.#sendAlone<Row>(client, statement, 'harmless'));
  }

  /** The search path that the user's sessions have. */
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

  /**
   * As `read`, for a look that no request waits for. However many there are,
   * they take few of the pool's connections.
   */
  look<Row>(statement: Statement): Promise<readonly Row[]> {
    return this.#share.pool.looks.run(() => this.read<Row>(statement));
  }

  /** As `look`, for a statement that cannot do without reading a whole table. */
  lookAtWholeTable<Row>(statement: Statement): Promise<readonly Row[]> {
    const options = { settings: 'enable_seqscan = on', limitMs: this.#limits.statementMs } as const;
    return this.#share.pool.looks.run(() => this.#runReading<Row>(statement, options));
  }

  /**
   * Runs a statement that counts over a whole table, as long as `limitMs` or
   * the limit of counts lets it. Counts take few of the pool's connections, and
   * one process of the server each: what is left is for requests.
   */
  count<Row>(statement: Statement, { limitMs, signal }: CountOptions = {}): Promise<readonly Row[]> {
    const { countMs, statementMs, maintenanceMs } = this.#limits;
    return this.#share.pool.count(async (isBrief) => {
      const longest = isBrief ? statementMs : countMs;
      const ms = Math.max(Math.ceil(Math.min(limitMs ?? longest, longest)), 1);
      const settings =
        `statement_timeout = ${ms}; SET LOCAL lock_timeout = ${Math.min(ms, maintenanceMs)}; ` +
        'SET LOCAL enable_seqscan = on; SET LOCAL max_parallel_workers_per_gather = 0';
      try {
        return await this.#runReading<Row>(statement, { settings, limitMs: ms, signal });
      } catch (error) {
        const isOurDoing = signal?.aborted === true || (limitMs !== undefined && isTimeUp(error));
        throw isOurDoing ? givenUp(this.name, error) : error;
      }
    });
  }

  #runReading<Row>(
    statement: Statement,
    { signal, ...options }: Omit<TransactionOptions, 'commit'> & Pick<CountOptions, 'signal'>,
  ): Promise<readonly Row[]> {
    const work = (session: Session) => session.query<Row>(statement);
    return this.#run((client) =>
      this.#cutOffs.untilAborted(client, signal, () =>
        this.#transact(client, { ...options, commit: 'harmless' }, work),
      ),
    );
  }

  /** Runs a statement that commits by itself. Never repeated when its outcome is unknown. */
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
   * Runs `work` in a transaction, again from its start after a conflict with
   * another one. What `work` throws rolls it back.
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
          // The next try prepares nothing; others that failed likewise may have said so already.
          mayPrepare = false;
          this.#share.pool.pooler.found(error.message);
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
        // Its neighbours lead to the same server.
        if (error.sqlState === READ_ONLY) this.#share.pool.leaveReadOnly();
        else if (error.timedOut) {
          this.#share.pool.doubt();
          this.#cutOffs.all();
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

  /** The statement that makes the settings of a transaction, where the session cannot keep them. */
  get #settings(): string | undefined {
    const { pool } = this.#share;
    if (pool.keepsSessions) return undefined;
    const path = this.#narrows ? 'catalogue' : 'users';
    this.#settingsStatement ??= pool.settingsStatement(this.#limits, path);
    return this.#settingsStatement;
  }

  /** A connection whose transaction cannot be ended is given up, and the first error is the one that counts. */
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

  /** Sends what is a transaction by itself, which has ended when the answer is there. */
  async #sendAlone<Row>(client: Connection, statement: Statement, phase: Phase): Promise<readonly Row[]> {
    const settings = this.#settings ?? this.#narrowing(client);
    const rows = await this.#send<Row>(client, statement, this.#limits.statementMs, phase, settings);
    if (client.inTransaction) throw notCommitted(this.name, phase);
    if (settings === NARROW) this.#narrowed.add(client);
    return rows;
  }

  /** Goes with the first statement of a session, in the same round trip; undefined: it has been made. */
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

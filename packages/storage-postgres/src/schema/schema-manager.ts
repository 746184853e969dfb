import {
  type Instant,
  type Logger,
  type PartitionKey,
  type PartitionOwner,
  StorageError,
  silentLogger,
} from '@querator/core';
import type { PgTable } from 'drizzle-orm/pg-core';
import { type LockingSession, withBriefLocks } from '../database/brief-locks.ts';
import type { Database, Session } from '../database/database.ts';
import type { TableProvisioner } from '../database/table-calls.ts';
import { noSchema, PostgresError } from '../errors/postgres-error.ts';
import { shortText } from '../errors/short-text.ts';
import { DEFAULT_TIME_LIMITS, type TimeLimits } from '../settings/time-limits.ts';
import { itemsTableName } from '../sql/table-name.ts';
import {
  FIXED_RELATIONS,
  type FixedSchemaDeps,
  type FixedSchemaState,
  inspectFixedSchema,
  lockSchema,
  provisionFixedSchema,
} from './fixed-schema.ts';
import { type TableCode, tableCodeFault, tableCodeNotice } from './foreign-code.ts';
import { type FoundTable, findTable } from './found-table.ts';
import { foreignItems, holdsForeignIds, isOfOthers, shapeFault } from './items-table-check.ts';
import { isSameQueue, itemsOfEarlierQueue, logRemoved, removeLeftOver } from './left-over-table.ts';
import type { Migration } from './migrations/migration.ts';
import { MIGRATIONS } from './migrations/migrations.ts';
import { nameMissingGrants } from './missing-grants.ts';
import { TableChanges } from './table-changes.ts';
import {
  type Claim,
  claimOn,
  commentOn,
  ownerFromComment,
  ownerOf,
  ownerToComment,
  type TableOwner,
} from './table-owner.ts';
import { itemsTable } from './tables/items.ts';
import { renderTable } from './tables/render-ddl.ts';
import {
  ITEMS_STORAGE_PARAMETERS,
  missingParameters,
  renderParameters,
} from './tables/storage-parameters.ts';

const FIXED = 'fixed';

/** A partition whose table is needed. */
interface Wanted {
  readonly key: PartitionKey;
  readonly name: string;
  readonly owner: PartitionOwner | undefined;
  readonly identity: TableOwner;
  /** Checks the ids in the table, once it exists. */
  readonly checkIds: () => Promise<void>;
}

/** Provides the table of one partition. */
export interface PartitionTableProvisioner extends TableProvisioner {
  /** Waits until no other session holds the table; see core's `PartitionStore`. */
  untilDroppable(): Promise<void>;
  /** Drops the table with all its items. The next use creates a new one. */
  drop(): Promise<void>;
}

/** Dependencies of a manager. */
export interface SchemaManagerDeps {
  /** The storage's name, for errors and the log. */
  readonly backend: string;
  readonly logger?: Logger | undefined;
  /** Other migrations, for tests. */
  readonly migrations?: readonly Migration[] | undefined;
  readonly limits?: TimeLimits | undefined;
}

/**
 * Makes sure that tables exist before they are used, and have our version. Remembers
 * successes only, so no restart is needed after a server was upgraded or a right was
 * granted.
 */
export class SchemaManager {
  readonly #db: Database;
  readonly #backend: string;
  readonly #logger: Logger;
  readonly #migrations: readonly Migration[];
  readonly #creations: TableChanges;
  readonly #drops: TableChanges;
  readonly #limits: TimeLimits;
  readonly #known = new Map<string, Promise<void>>();
  /** Tables created for queues of which it is unknown whether they still exist. */
  readonly #unchecked = new Set<string>();
  /** Tables whose policies and rules were logged. */
  readonly #loggedCode = new Set<string>();

  constructor(db: Database, deps: SchemaManagerDeps) {
    const { backend, logger = silentLogger, migrations = MIGRATIONS, limits = DEFAULT_TIME_LIMITS } = deps;
    this.#db = db;
    this.#backend = backend;
    this.#logger = logger;
    this.#migrations = migrations;
    this.#limits = limits;
    const changes = { clock: db.clock, isBusy: () => db.isBusy };
    this.#creations = new TableChanges(changes);
    this.#drops = new TableChanges(changes);
  }

  /** The queues' table, the sequence of item ids and the versions. */
  get fixed(): TableProvisioner {
    return {
      ensure: () => this.#ensureFixed(),
      forget: () => void this.#known.delete(FIXED),
      explain: (error) => nameMissingGrants(error, this.#db, FIXED_RELATIONS),
    };
  }

  /**
   * The table of a partition, with the fixed tables.
   *
   * @param checkIds checks the ids in the table, once it exists.
   */
  partition(
    key: PartitionKey,
    owner?: PartitionOwner,
    checkIds: () => Promise<void> = () => Promise.resolve(),
  ): PartitionTableProvisioner {
    const name = itemsTableName(key);
    const wanted: Wanted = { key, name, owner, identity: ownerOf(key, owner?.createdAt), checkIds };
    // Two queues of one name after another, or with the same hash, do not share a table.
    const known = ownerToComment(ownerOf(key, owner?.createdAt));
    return {
      ensure: () => this.#once(known, () => this.#makePartition(wanted)),
      forget: () => {
        this.#known.delete(known);
        this.#known.delete(FIXED);
      },
      explain: (error) => nameMissingGrants(error, this.#db, [...FIXED_RELATIONS, name]),
      untilDroppable: () => this.#dropPartition(wanted, 'lock only'),
      drop: async () => {
        this.#known.delete(known);
        await this.#drops.run(() => this.#dropPartition(wanted, 'drop'));
        this.#known.delete(known);
      },
    };
  }

  /**
   * Checks whether the fixed tables can be used or created. Creates nothing.
   *
   * @throws StorageError when the server or the tables cannot be used.
   */
  inspect(): Promise<FixedSchemaState> {
    return inspectFixedSchema(this.#db, this.#fixedDeps);
  }

  #ensureFixed(): Promise<void> {
    return this.#once(FIXED, () => provisionFixedSchema(this.#db, this.#fixedDeps));
  }

  get #fixedDeps(): FixedSchemaDeps {
    return {
      migrations: this.#migrations,
      refuse: (reason) => this.#refused(reason),
      noSchema: () => noSchema(this.#backend),
      warnOnce: (table, code) => this.#logCode(table, code),
      warn: (message, fields) => this.#logger.warn(message, { storage: this.#backend, ...fields }),
    };
  }

  /**
   * Checks first: mostly everything exists, and a user who may not create tables can
   * still use them. A table is created together with its indexes, so checking the
   * table is enough.
   */
  async #makePartition(wanted: Wanted): Promise<void> {
    const { name, identity } = wanted;
    await this.#ensureFixed();
    const found = await findTable((statement) => this.#db.read(statement), this.#db.schema.name, name);
    const holder = ownerFromComment(found?.comment ?? null);
    if (found !== undefined) {
      this.#checkCode(name, found.code);
      const claim = this.#checked(claimOn(holder, identity), found, wanted);
      if (claim !== 'left-over') {
        await this.#checkUsable(wanted, found);
        if (this.#unchecked.has(name)) await this.#checkStillThere(wanted);
        await this.#bringUpToDate(wanted, found, claim);
        await wanted.checkIds();
        return;
      }
    }
    await this.#createPartition(wanted, await this.#deletedOf(wanted, holder?.created));
    await this.#checkStillThere(wanted);
    await wanted.checkIds();
  }

  /** @throws StorageError when another program has created or filled the table. */
  async #checkUsable({ key, name }: Wanted, { shape }: FoundTable): Promise<void> {
    const fault = shapeFault(shape);
    if (fault !== undefined) {
      throw this.#refused(`table ${name} cannot be used for queue '${key.queue}': it ${fault}`);
    }
    const table = this.#db.schema.relation(name);
    if (!(await holdsForeignIds((statement) => this.#db.read(statement), table))) return;
    throw this.#refused(foreignItems(name, key.queue));
  }

  /** @param deleted when the earlier queue was created whose items may be removed. */
  async #createPartition(wanted: Wanted, deleted: Instant | undefined): Promise<void> {
    const { key, name, identity } = wanted;
    const table: PgTable = itemsTable(key.queue, key.partition);
    const nameOf = (relation: string) => this.#db.schema.relation(relation);
    await this.#creations.run(() =>
      this.#exclusively([name], this.#limits.lockMs, async (session) => {
        await lockSchema(session, name);
        // Another process may have been faster.
        const found = await findTable(session.query, this.#db.schema.name, name);
        if (found !== undefined) this.#checkCode(name, found.code);
        const holder = ownerFromComment(found?.comment ?? null);
        if (found !== undefined && this.#checked(claimOn(holder, identity), found, wanted) !== 'left-over')
          return;
        if (found !== undefined) {
          const removed = await removeLeftOver(session, nameOf(name), isSameQueue(holder, deleted));
          if (!removed) throw this.#refused(itemsOfEarlierQueue(name, holder, identity));
          logRemoved(this.#logger, { storage: this.#backend, table: name }, { holder, deleted });
        }
        const parameters = renderParameters(ITEMS_STORAGE_PARAMETERS);
        const statements = renderTable(table, { parameters, nameOf, isNew: true });
        await session.query({ text: [...statements, commentOn(nameOf(name), identity)].join(';\n') });
      }),
    );
  }

  /**
   * A queue that was deleted while its table was created must not keep it. The items
   * in it would never be found.
   */
  async #checkStillThere(wanted: Wanted): Promise<void> {
    if (wanted.owner === undefined) return;
    this.#unchecked.add(wanted.name);
    const isThere = await wanted.owner.isThere();
    if (!isThere) await this.#removeOrphan(wanted);
    this.#unchecked.delete(wanted.name);
    if (isThere) return;
    throw this.#refused(`queue '${wanted.key.queue}' was deleted by another process`);
  }

  /**
   * Drops the table with all its items, unless it belongs to another queue. `lock
   * only` takes and releases the lock for that.
   */
  async #dropPartition(wanted: Wanted, what: 'drop' | 'lock only'): Promise<void> {
    const { name, identity } = wanted;
    // Determines the schema of the table.
    if (this.#db.schema.name === undefined) await this.#ensureFixed();
    // A process that is creating the table finds that the queue is gone, and removes it.
    if ((await findTable((statement) => this.#db.read(statement), this.#db.schema.name, name)) === undefined)
      return;
    const { lockMs, maintenanceMs } = this.#limits;
    await this.#exclusively([name], what === 'drop' ? lockMs : maintenanceMs, async (session) => {
      if (what === 'drop') await lockSchema(session, name);
      const found = await findTable(session.query, this.#db.schema.name, name);
      if (found === undefined) return;
      const claim = claimOn(ownerFromComment(found.comment), identity);
      if (claim === 'foreign') this.#checked(claim, found, wanted);
      // Keep the items of a later or an earlier queue.
      if (claim === 'superseded' || claim === 'left-over') return;
      const table = this.#db.schema.relation(name);
      // Keep items that another program has stored and that were never served.
      const send: Session['query'] = (statement) => session.query(statement);
      if (claim === 'unnamed' && (await isOfOthers(send, table, found.shape))) return;
      if (what === 'lock only' && !found.ours) throw this.#refused(`only its owner may drop table ${name}`);
      await session.waitBriefly();
      const text =
        what === 'drop' ? `DROP TABLE IF EXISTS ${table}` : `LOCK TABLE ${table} IN ACCESS EXCLUSIVE MODE`;
      await session.query({ text });
    });
  }

  #exclusively<T>(
    tables: readonly string[],
    waitMs: number,
    work: (session: LockingSession) => Promise<T>,
  ): Promise<T> {
    return withBriefLocks(this.#db, { tables, schema: () => this.#db.schema.name, waitMs }, work);
  }

  /**
   * Drops the table of a queue that does not exist. If another process has stored
   * items in it meanwhile, only if the queue was deleted.
   */
  async #removeOrphan(wanted: Wanted): Promise<void> {
    const { name, identity } = wanted;
    const deleted = await this.#deletedOf(wanted, identity.created);
    await this.#exclusively([name], this.#limits.lockMs, async (session) => {
      await lockSchema(session, name);
      const found = await findTable(session.query, this.#db.schema.name, name);
      const holder = ownerFromComment(found?.comment ?? null);
      if (found === undefined || claimOn(holder, identity) !== 'own') return;
      const table = this.#db.schema.relation(name);
      if (await removeLeftOver(session, table, isSameQueue(holder, deleted))) return;
      this.#logger.error('table holds items of a queue that does not exist', { table: name });
    });
  }

  /** Returns the instant if the queue that was created then was deleted. */
  async #deletedOf({ owner }: Wanted, created: Instant | undefined): Promise<Instant | undefined> {
    return created !== undefined && (await owner?.wasDeleted(created)) === true ? created : undefined;
  }

  /** @throws StorageError when the table must not be used. */
  #checked(claim: Claim, { comment }: FoundTable, { key, name }: Wanted): Claim {
    if (claim === 'superseded') {
      throw this.#refused(
        `queue '${key.queue}' was deleted and created anew; ${name} belongs to the new one. ` +
          `Where the queues were restored from an earlier backup, 'querator storage adopt ${name}' gives the table ` +
          'to the queue that there is',
      );
    }
    if (claim === 'foreign') {
      const holder = ownerFromComment(comment);
      throw this.#refused(
        `table ${name} belongs to queue '${holder?.queue}', partition ${holder?.partition}; ` +
          `the name of queue '${key.queue}' has the same hash`,
      );
    }
    return claim;
  }

  /** @throws StorageError when foreign code would run with our rights. */
  #checkCode(name: string, code: TableCode): void {
    const fault = tableCodeFault(name, code);
    if (fault !== undefined) throw this.#refused(fault);
    this.#logCode(name, code);
  }

  /** Logs once per table. */
  #logCode(table: string, code: TableCode): void {
    const found = tableCodeNotice(code);
    if (found.length === 0 || this.#loggedCode.has(table)) return;
    this.#loggedCode.add(table);
    this.#logger.warn('table has policies or rules, which change the effect of statements', {
      ...{ storage: this.#backend, table, found },
    });
  }

  #refused(reason: string): StorageError {
    // The comment on a table may be of any length.
    return new StorageError(`storage '${this.#backend}': ${shortText(reason)}`, { outcome: 'not-applied' });
  }

  /**
   * Gives a table of an earlier version what it lacks: storage parameters, and the
   * comment with its owner. Runs for one table when it is first used, and not in a
   * migration. A transaction over thousands of tables needs more locks than a server
   * has. It fails no request. A table that another role owns or somebody has locked is
   * updated another time.
   */
  async #bringUpToDate(
    { name, identity }: Wanted,
    { options, ours }: FoundTable,
    claim: Claim,
  ): Promise<void> {
    const missing = renderParameters(missingParameters(options));
    const table = this.#db.schema.relation(name);
    const statements = [
      ...(missing === '' ? [] : [`ALTER TABLE ${table} SET (${missing})`]),
      ...(claim === 'unnamed' ? [commentOn(table, identity)] : []),
    ];
    if (statements.length === 0 || !ours) return;
    try {
      await this.#db.transaction(async (session) => {
        for (const text of statements) await session.query({ text });
      });
    } catch (error) {
      if (!(error instanceof PostgresError) || error.sqlState === undefined) throw error;
      this.#logger.warn('table was not brought up to date', {
        storage: this.#backend,
        table: name,
        reason: error.message,
      });
    }
  }

  #once(name: string, make: () => Promise<void>): Promise<void> {
    let known = this.#known.get(name);
    if (known === undefined) {
      known = make().catch((error: unknown) => {
        if (this.#known.get(name) === known) this.#known.delete(name);
        throw error;
      });
      this.#known.set(name, known);
    }
    return known;
  }
}

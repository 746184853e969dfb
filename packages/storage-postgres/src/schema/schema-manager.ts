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

/** A partition whose table is to be used. */
interface Wanted {
  readonly key: PartitionKey;
  readonly name: string;
  readonly owner: PartitionOwner | undefined;
  readonly identity: TableOwner;
  /** Looks at the ids in the table, once it is there. */
  readonly checkIds: () => Promise<void>;
}

/** The care of one partition's table. */
export interface PartitionTableProvisioner extends TableProvisioner {
  /** Waits until nobody else holds the table; see core's `PartitionStore`. */
  untilDroppable(): Promise<void>;
  /** Drops the table with all that is in it; the next use makes a new one. */
  drop(): Promise<void>;
}

/** What a keeper works with. */
export interface SchemaManagerDeps {
  /** The storage's name, for errors and the log. */
  readonly backend: string;
  readonly logger?: Logger | undefined;
  /** Other than the real ones, for tests. */
  readonly migrations?: readonly Migration[] | undefined;
  readonly limits?: TimeLimits | undefined;
}

/**
 * Sees to it that tables are there before they are used, and are of our
 * version. What was found or made is remembered, a failure is not: whoever
 * upgrades the server or grants a right need not restart anything.
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
  /** Tables made for queues of which it could not be found out whether they are still there. */
  readonly #unchecked = new Set<string>();
  /** Tables whose policies and rules have been told of. */
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

  /** The table of queues, and the sequence of item ids. */
  get fixed(): TableProvisioner {
    return {
      ensure: () => this.#ensureFixed(),
      forget: () => void this.#known.delete(FIXED),
      explain: (error) => nameMissingGrants(error, this.#db, FIXED_RELATIONS),
    };
  }

  /**
   * The table of a partition, and what it rests on.
   *
   * @param look looks at the ids in the table, once it is there.
   */
  partition(
    key: PartitionKey,
    owner?: PartitionOwner,
    checkIds: () => Promise<void> = () => Promise.resolve(),
  ): PartitionTableProvisioner {
    const name = itemsTableName(key);
    const wanted: Wanted = { key, name, owner, identity: ownerOf(key, owner?.createdAt), checkIds };
    // Neither two queues of one name, one after the other, nor two of one hash have the same table.
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
   * Looks whether the fixed tables can be used as they are, or made. Makes nothing.
   *
   * @throws StorageError where the server or the tables cannot be used.
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
   * Looks first: mostly everything is there, and a user who may not create
   * tables can still use them. A table comes with its indexes or not at all,
   * so that seeing the table is enough.
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

  /** @throws StorageError for a table that another program has made or filled. */
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
        // Another process may have been quicker.
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
   * A queue that was deleted while its table was being made must not get one:
   * what would be stored in it nobody would ever find.
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

  /** Drops the table with all that is in it, unless it belongs to somebody else; or takes the lock for that, for a moment. */
  async #dropPartition(wanted: Wanted, what: 'drop' | 'lock only'): Promise<void> {
    const { name, identity } = wanted;
    // Nothing else finds out in which schema the table is.
    if (this.#db.schema.name === undefined) await this.#ensureFixed();
    // Who is just making one finds the queue gone, and removes it.
    if ((await findTable((statement) => this.#db.read(statement), this.#db.schema.name, name)) === undefined)
      return;
    const { lockMs, maintenanceMs } = this.#limits;
    await this.#exclusively([name], what === 'drop' ? lockMs : maintenanceMs, async (session) => {
      if (what === 'drop') await lockSchema(session, name);
      const found = await findTable(session.query, this.#db.schema.name, name);
      if (found === undefined) return;
      const claim = claimOn(ownerFromComment(found.comment), identity);
      if (claim === 'foreign') this.#checked(claim, found, wanted);
      // The items of a later queue, or of an earlier one, are none of ours.
      if (claim === 'superseded' || claim === 'left-over') return;
      const table = this.#db.schema.relation(name);
      // Nor are those that another program has stored, and that were never served.
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
   * Drops the table of a queue that is not there. Another process may have
   * stored something in it by now: that goes only with a queue that was deleted.
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
      this.#logger.error('table holds items of a queue that is not there', { table: name });
    });
  }

  /** The instant itself when the queue of this name that was created then was deleted. */
  async #deletedOf({ owner }: Wanted, created: Instant | undefined): Promise<Instant | undefined> {
    return created !== undefined && (await owner?.wasDeleted(created)) === true ? created : undefined;
  }

  /** @throws StorageError where the table is not to be used. */
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

  /** @throws StorageError where foreign code would run with our rights. */
  #checkCode(name: string, code: TableCode): void {
    const fault = tableCodeFault(name, code);
    if (fault !== undefined) throw this.#refused(fault);
    this.#logCode(name, code);
  }

  /** Once for each table. */
  #logCode(table: string, code: TableCode): void {
    const found = tableCodeNotice(code);
    if (found.length === 0 || this.#loggedCode.has(table)) return;
    this.#loggedCode.add(table);
    this.#logger.warn('table has policies or rules, which change what is done with items', {
      ...{ storage: this.#backend, table, found },
    });
  }

  #refused(reason: string): StorageError {
    // A comment on a table may be as long as somebody likes.
    return new StorageError(`storage '${this.#backend}': ${shortText(reason)}`, { outcome: 'not-applied' });
  }

  /**
   * Gives a table from an earlier version what it lacks: storage parameters, and
   * the comment that says whose it is. One table at a time, at first contact,
   * and not in a migration: a transaction over thousands of tables needs more
   * locks than a server has. No request fails for it: a table that somebody
   * else owns or has locked gets them another time.
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

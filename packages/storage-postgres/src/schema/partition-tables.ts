import type { Instant, Logger, PartitionKey, PartitionOwner, StorageError } from '@querator/core';
import type { PgTable } from 'drizzle-orm/pg-core';
import { type LockingSession, withBriefLocks } from '../database/brief-locks.ts';
import type { Database, Session } from '../database/database.ts';
import { PostgresError } from '../errors/postgres-error.ts';
import type { TimeLimits } from '../settings/time-limits.ts';
import type { MetadataColumn } from '../sql/metadata-column.ts';
import { keysTableName } from '../sql/table-name.ts';
import { lockSchema } from './fixed-schema.ts';
import { type TableCode, tableCodeFault } from './foreign-code.ts';
import { type FoundTable, findTable } from './found-table.ts';
import { foreignItems, holdsForeignIds, isOfOthers, shapeFault } from './items-table-check.ts';
import { areKeysOf } from './keys-table-check.ts';
import { isSameQueue, itemsOfEarlierQueue, logRemoved, removeLeftOver } from './left-over-table.ts';
import { MetadataColumns } from './metadata-columns.ts';
import type { TableChanges } from './table-changes.ts';
import { type Claim, claimOn, commentOn, ownerFromComment, type TableOwner } from './table-owner.ts';
import { itemsTable } from './tables/items.ts';
import { renderTable } from './tables/render-ddl.ts';
import {
  ITEMS_STORAGE_PARAMETERS,
  missingParameters,
  renderParameters,
} from './tables/storage-parameters.ts';

/** A partition whose table is needed. */
export interface WantedTable {
  readonly key: PartitionKey;
  readonly name: string;
  readonly owner: PartitionOwner | undefined;
  readonly identity: TableOwner;
  /** What is known of the column for the details of items. */
  readonly metadata: MetadataColumn;
  /** Checks the ids in the table, once it exists. */
  readonly checkIds: () => Promise<void>;
}

/** Dependencies of {@link PartitionTables} and `KeysTables`. */
export interface PartitionTablesDeps {
  readonly db: Database;
  /** The storage's name, for the log. */
  readonly storage: string;
  readonly logger: Logger;
  readonly limits: TimeLimits;
  readonly creations: TableChanges;
  readonly ensureFixed: () => Promise<void>;
  /** Creates the error for a table that cannot be used. */
  readonly refuse: (reason: string) => StorageError;
  /** Logs policies and rules on a table of ours. @throws StorageError when foreign code would run with our rights. */
  readonly checkCode: (table: string, code: TableCode) => void;
}

/** Creates, checks, updates and drops the tables of partitions. */
export class PartitionTables {
  readonly #deps: PartitionTablesDeps;
  readonly #db: Database;
  readonly #metadata: MetadataColumns;
  /** Items tables of partitions that have a table of dedup keys, as far as is known. */
  readonly withKeys = new Set<string>();
  /** Tables created for queues of which it is unknown whether they still exist. */
  readonly #unchecked = new Set<string>();

  constructor(deps: PartitionTablesDeps) {
    this.#deps = deps;
    this.#db = deps.db;
    this.#metadata = new MetadataColumns(deps);
  }

  /**
   * Checks the table of a partition, and creates it if it is missing. Checks first
   * because mostly it exists, and a user who may not create tables can still use it. A
   * table is created together with its indexes, so checking the table is enough.
   */
  async provide(wanted: WantedTable): Promise<void> {
    const { name, identity } = wanted;
    await this.#deps.ensureFixed();
    const found = await findTable((statement) => this.#db.read(statement), this.#db.schema.name, name);
    const holder = ownerFromComment(found?.comment ?? null);
    if (found !== undefined) {
      this.#deps.checkCode(name, found.code);
      const claim = this.#checked(claimOn(holder, identity), found, wanted);
      if (claim !== 'left-over') {
        await this.#checkUsable(wanted, found);
        if (found.hasKeys) this.withKeys.add(name);
        // Another process may just have created it, and not have asked yet.
        if (found.isFresh || this.#unchecked.has(name)) await this.#checkStillThere(wanted);
        await this.#bringUpToDate(wanted, found, claim);
        await this.#metadata.provide(wanted, found);
        await wanted.checkIds();
        return;
      }
    }
    await this.#createPartition(wanted, await this.#deletedOf(wanted, holder?.created));
    if (!wanted.metadata.isThere) await this.provideMetadata(wanted);
    await this.#checkStillThere(wanted);
    await wanted.checkIds();
  }

  /** Whether a partition has a table. Creates nothing. */
  async isThere({ name }: WantedTable): Promise<boolean> {
    // Determines the schema of the tables.
    if (this.#db.schema.name === undefined) await this.#deps.ensureFixed();
    const found = await findTable((statement) => this.#db.read(statement), this.#db.schema.name, name);
    return found !== undefined;
  }

  /** Looks again whether the table has the column for the details of items, and may try to add it. */
  async provideMetadata(wanted: WantedTable): Promise<void> {
    const found = await findTable((statement) => this.#db.read(statement), this.#db.schema.name, wanted.name);
    if (found !== undefined) await this.#metadata.provide(wanted, found);
  }

  /** @throws StorageError when another program has created or filled the table. */
  async #checkUsable({ key, name }: WantedTable, { shape }: FoundTable): Promise<void> {
    const fault = shapeFault(shape);
    if (fault !== undefined) {
      throw this.#deps.refuse(`table ${name} cannot be used for queue '${key.queue}': it ${fault}`);
    }
    const table = this.#db.schema.relation(name);
    if (!(await holdsForeignIds((statement) => this.#db.read(statement), table))) return;
    throw this.#deps.refuse(foreignItems(name, key.queue));
  }

  /** @param deleted when the earlier queue was created whose items may be removed. */
  async #createPartition(wanted: WantedTable, deleted: Instant | undefined): Promise<void> {
    const { key, name, identity } = wanted;
    const table: PgTable = itemsTable(key.queue, key.partition);
    const nameOf = (relation: string) => this.#db.schema.relation(relation);
    await this.#deps.creations.run(() =>
      this.#exclusively([name], this.#deps.limits.lockMs, async (session) => {
        await lockSchema(session, name);
        // Another process may have been faster.
        const found = await findTable(session.query, this.#db.schema.name, name);
        if (found !== undefined) this.#deps.checkCode(name, found.code);
        const holder = ownerFromComment(found?.comment ?? null);
        if (found !== undefined && this.#checked(claimOn(holder, identity), found, wanted) !== 'left-over')
          return;
        if (found !== undefined) {
          const removed = await removeLeftOver(session, nameOf(name), isSameQueue(holder, deleted));
          if (!removed) throw this.#deps.refuse(itemsOfEarlierQueue(name, holder, identity));
          logRemoved(this.#deps.logger, { storage: this.#deps.storage, table: name }, { holder, deleted });
        }
        const parameters = renderParameters(ITEMS_STORAGE_PARAMETERS);
        const statements = renderTable(table, { parameters, nameOf, isNew: true });
        await session.query({ text: [...statements, commentOn(nameOf(name), identity)].join(';\n') });
        // A deletion that found another partition in use has dropped the items table, and left the keys.
        const keys = await findTable(session.query, this.#db.schema.name, keysTableName(key));
        if (keys !== undefined && areKeysOf(identity, keys)) this.withKeys.add(name);
        wanted.metadata.found();
      }),
    );
  }

  /**
   * A queue that was deleted while its table was created must not keep it. The items
   * in it would never be found.
   */
  async #checkStillThere(wanted: WantedTable): Promise<void> {
    if (wanted.owner === undefined) return;
    this.#unchecked.add(wanted.name);
    const isThere = await wanted.owner.isThere();
    if (!isThere) await this.#removeOrphan(wanted);
    this.#unchecked.delete(wanted.name);
    if (isThere) return;
    throw this.#deps.refuse(
      `queue '${wanted.key.queue}' was deleted by another process, or is being deleted`,
    );
  }

  /**
   * Drops the table with all its items, and that of its dedup keys, unless they belong
   * to another queue. `lock only` takes and releases the locks for that.
   */
  async dropPartition(wanted: WantedTable, what: 'drop' | 'lock only'): Promise<void> {
    const { key, name } = wanted;
    const names = [name, keysTableName(key)];
    // Determines the schema of the tables.
    if (this.#db.schema.name === undefined) await this.#deps.ensureFixed();
    // A process that is creating a table finds that the queue is gone, and removes it.
    const read: Session['query'] = (statement) => this.#db.read(statement);
    const found = await Promise.all(names.map((each) => findTable(read, this.#db.schema.name, each)));
    if (found.every((each) => each === undefined)) return;
    const { lockMs, maintenanceMs } = this.#deps.limits;
    await this.#exclusively(names, what === 'drop' ? lockMs : maintenanceMs, async (session) => {
      if (what === 'drop') await lockSchema(session, name);
      const tables = await this.#droppable(session, wanted, what);
      if (tables.length === 0) return;
      const list = tables.map((table) => this.#db.schema.relation(table)).join(', ');
      await session.waitBriefly();
      const text =
        what === 'drop' ? `DROP TABLE IF EXISTS ${list}` : `LOCK TABLE ${list} IN ACCESS EXCLUSIVE MODE`;
      await session.query({ text });
    });
    if (what === 'drop') this.withKeys.delete(name);
  }

  /**
   * Drops the items table unless it holds rows. The dedup keys stay.
   *
   * @returns whether nothing of this queue is left in it.
   */
  async dropEmpty(wanted: WantedTable): Promise<boolean> {
    const { name } = wanted;
    // Determines the schema of the tables.
    if (this.#db.schema.name === undefined) await this.#deps.ensureFixed();
    const read: Session['query'] = (statement) => this.#db.read(statement);
    if ((await findTable(read, this.#db.schema.name, name)) === undefined) return true;
    return this.#exclusively([name], this.#deps.limits.lockMs, async (session) => {
      await lockSchema(session, name);
      const tables = await this.#droppable(session, wanted, 'drop');
      if (!tables.includes(name)) return true;
      return removeLeftOver(session, this.#db.schema.relation(name), false);
    });
  }

  /** The tables of the partition that a drop removes. */
  async #droppable(
    session: Session,
    wanted: WantedTable,
    what: 'drop' | 'lock only',
  ): Promise<readonly string[]> {
    const { key, name, identity } = wanted;
    const tables: string[] = [];
    const send: Session['query'] = (statement) => session.query(statement);
    const checkOurs = (table: string, { ours }: FoundTable) => {
      if (what === 'lock only' && !ours) throw this.#deps.refuse(`only its owner may drop table ${table}`);
    };
    const found = await findTable(send, this.#db.schema.name, name);
    if (found !== undefined) {
      const claim = claimOn(ownerFromComment(found.comment), identity);
      if (claim === 'foreign') this.#checked(claim, found, wanted);
      // Keep the items of a later or an earlier queue.
      if (claim === 'superseded' || claim === 'left-over') return [];
      const table = this.#db.schema.relation(name);
      // Keep items that another program has stored and that were never served.
      if (claim === 'unnamed' && (await this.#isOfOthers(send, table, found))) return [];
      checkOurs(name, found);
      tables.push(name);
    }
    const keysName = keysTableName(key);
    const keys = await findTable(send, this.#db.schema.name, keysName);
    if (keys === undefined || !areKeysOf(identity, keys)) return tables;
    checkOurs(keysName, keys);
    return [...tables, keysName];
  }

  /** Does not read a table that would run code of another role. */
  async #isOfOthers(send: Session['query'], table: string, { code, shape }: FoundTable): Promise<boolean> {
    return tableCodeFault(table, code) !== undefined || (await isOfOthers(send, table, shape));
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
  async #removeOrphan(wanted: WantedTable): Promise<void> {
    const { name, identity } = wanted;
    const deleted = await this.#deletedOf(wanted, identity.created);
    await this.#exclusively([name], this.#deps.limits.lockMs, async (session) => {
      await lockSchema(session, name);
      const found = await findTable(session.query, this.#db.schema.name, name);
      const holder = ownerFromComment(found?.comment ?? null);
      if (found === undefined || claimOn(holder, identity) !== 'own') return;
      this.#deps.checkCode(name, found.code);
      const table = this.#db.schema.relation(name);
      if (await removeLeftOver(session, table, isSameQueue(holder, deleted))) return;
      this.#deps.logger.error('table holds items of a queue that does not exist', { table: name });
    });
  }

  /** Returns the instant if the queue that was created then was deleted. */
  async #deletedOf({ owner }: WantedTable, created: Instant | undefined): Promise<Instant | undefined> {
    return created !== undefined && (await owner?.wasDeleted(created)) === true ? created : undefined;
  }

  /** @throws StorageError when the table must not be used. */
  #checked(claim: Claim, { comment }: FoundTable, { key, name }: WantedTable): Claim {
    if (claim === 'superseded') {
      throw this.#deps.refuse(
        `queue '${key.queue}' was deleted and created anew; ${name} belongs to the new one. ` +
          `Where the queues were restored from an earlier backup, 'querator storage adopt ${name}' gives the table ` +
          'to the queue that there is',
      );
    }
    if (claim === 'foreign') {
      const holder = ownerFromComment(comment);
      throw this.#deps.refuse(
        `table ${name} belongs to queue '${holder?.queue}', partition ${holder?.partition}; ` +
          `the name of queue '${key.queue}' has the same hash`,
      );
    }
    return claim;
  }

  /**
   * Gives a table of an earlier version what it lacks: storage parameters, and the
   * comment with its owner. Runs for one table when it is first used, and not in a
   * migration. A transaction over thousands of tables needs more locks than a server
   * has. It fails no request. A table that another role owns or another session has
   * locked is updated another time.
   */
  async #bringUpToDate(
    { name, identity }: WantedTable,
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
      this.#deps.logger.warn('table was not brought up to date', {
        storage: this.#deps.storage,
        table: name,
        reason: error.message,
      });
    }
  }
}

import {
  type Logger,
  type PartitionKey,
  type PartitionOwner,
  StorageError,
  silentLogger,
} from '@querator/core';
import type { Database } from '../database/database.ts';
import { SharedByName } from '../database/shared-by-name.ts';
import type { TableProvisioner } from '../database/table-calls.ts';
import { noSchema } from '../errors/postgres-error.ts';
import { shortText } from '../errors/short-text.ts';
import { DEFAULT_TIME_LIMITS, type TimeLimits } from '../settings/time-limits.ts';
import { MetadataColumn } from '../sql/metadata-column.ts';
import { itemsTableName, keysTableName } from '../sql/table-name.ts';
import {
  FIXED_RELATIONS,
  type FixedSchemaDeps,
  type FixedSchemaState,
  inspectFixedSchema,
  provisionFixedSchema,
  USED_RELATIONS,
} from './fixed-schema.ts';
import { type TableCode, tableCodeFault, tableCodeNotice } from './foreign-code.ts';
import { KeysTables } from './keys-tables.ts';
import type { Migration } from './migrations/migration.ts';
import { MIGRATIONS } from './migrations/migrations.ts';
import { nameMissingGrants } from './missing-grants.ts';
import { PartitionTables, type PartitionTablesDeps, type WantedTable } from './partition-tables.ts';
import {
  ACCESS,
  AUDIT,
  INSTANCES,
  MOVES,
  provisionSeparate,
  RATES,
  SCHEDULES,
  SECRETS,
  type SeparateTables,
  type SeparateTablesDeps,
  separateExist,
  TASKS,
} from './separate-tables.ts';
import { TableChanges } from './table-changes.ts';
import { ownerOf, ownerToComment } from './table-owner.ts';

/** Under which a table of dedup keys is known. @param known that of its partition. */
const keysOf = (known: string) => `keys of ${known}`;

const FIXED = 'fixed';

/**
 * The pauses after changes of tables, in lengths of the change. The first use of a new
 * table sends more statements, which run during its pause. With these a queue at work
 * keeps more than half of its rate (`many-partitions` in docs/performance.md).
 */
const PAUSE_FACTORS = { creation: 2, drop: 1 };

/** Provides the table of one partition. */
export interface PartitionTableProvisioner extends TableProvisioner {
  /** Whether the table exists. Creates nothing. */
  isThere(): Promise<boolean>;
  /** Waits until no other session holds the table; see core's `PartitionStore`. */
  untilDroppable(): Promise<void>;
  /** Drops the table unless it holds rows; see core's `PartitionStore`. @returns whether it is gone. */
  dropEmpty(): Promise<boolean>;
  /** Drops the table with all its items and dedup keys. The next use creates a new one. */
  drop(): Promise<void>;
  /** The table of the partition's dedup keys, with the table itself. */
  readonly keys: OptionalTableProvisioner;
  /** What is known of the column for the details of items. */
  readonly metadata: MetadataColumn;
  /** Looks again whether the table has that column, and may try to add it. */
  provideMetadata(): Promise<void>;
}

/** Provides a table that calls may find missing. */
export interface OptionalTableProvisioner extends TableProvisioner {
  /** Whether the table exists and may be used, as far as this process knows. Creates nothing. */
  exists(): Promise<boolean>;
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
  readonly #drops: TableChanges;
  readonly #partitions: PartitionTables;
  readonly #keys: KeysTables;
  readonly #known = new Map<string, Promise<void>>();
  /** The tables of access control and audit that were used. */
  readonly #used = new Set<string>();
  /** By the comment of the table's owner, as long as a store uses the partition. */
  readonly #metadata = new SharedByName<MetadataColumn>({
    // A later store of the partition looks at its tables again.
    gone: (known) => {
      this.#known.delete(known);
      this.#known.delete(keysOf(known));
    },
  });
  /** Tables whose policies and rules were logged. */
  readonly #loggedCode = new Set<string>();

  constructor(db: Database, deps: SchemaManagerDeps) {
    const { backend, logger = silentLogger, migrations = MIGRATIONS, limits = DEFAULT_TIME_LIMITS } = deps;
    this.#db = db;
    this.#backend = backend;
    this.#logger = logger;
    this.#migrations = migrations;
    const changes = { clock: db.clock, isBusy: () => db.isBusy };
    this.#drops = new TableChanges({ ...changes, pauseFactor: PAUSE_FACTORS.drop });
    const tables: PartitionTablesDeps = {
      db,
      storage: backend,
      logger,
      limits,
      creations: new TableChanges({ ...changes, pauseFactor: PAUSE_FACTORS.creation }),
      ensureFixed: () => this.#ensureFixed(),
      refuse: (reason) => this.#refused(reason),
      checkCode: (table, code) => {
        const fault = tableCodeFault(table, code);
        if (fault !== undefined) throw this.#refused(fault);
        this.#logCode(table, code);
      },
    };
    this.#partitions = new PartitionTables(tables);
    this.#keys = new KeysTables(tables);
  }

  /** The queues' table, the sequence of item ids and the versions. */
  get fixed(): TableProvisioner {
    return {
      ensure: () => this.#ensureFixed(),
      forget: () => void this.#known.delete(FIXED),
      explain: (error) => nameMissingGrants(error, this.#db, FIXED_RELATIONS),
    };
  }

  /** The tables that every request needs, with those of access control and audit once they were used. */
  get usedRelations(): readonly string[] {
    return [...USED_RELATIONS, ...this.#used];
  }

  /** The tables of access control, with the fixed tables. */
  get access(): TableProvisioner {
    return this.#separate(ACCESS, () => this.#uses(ACCESS));
  }

  /** The table of audit events, with the fixed tables. */
  get audit(): TableProvisioner {
    return this.#separate(AUDIT, () => this.#uses(AUDIT));
  }

  /** The table of the processes that run, with the fixed tables. */
  get instances(): TableProvisioner {
    return this.#separate(INSTANCES);
  }

  /** The table of what happened to queues, with the fixed tables. */
  get rates(): OptionalTableProvisioner {
    return this.#optional(RATES);
  }

  /** The table of schedules, with the fixed tables. */
  get schedules(): OptionalTableProvisioner {
    return this.#optional(SCHEDULES);
  }

  /** The table of secrets, with the fixed tables. */
  get secrets(): TableProvisioner {
    return this.#separate(SECRETS);
  }

  /** The table of tasks, with the fixed tables. */
  get tasks(): OptionalTableProvisioner {
    return this.#optional(TASKS);
  }

  /** The tables of the moves of partitions, with the fixed tables. */
  get moves(): OptionalTableProvisioner {
    return this.#optional(MOVES);
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
    const identity = ownerOf(key, owner?.createdAt);
    // Two queues of one name after another, or with the same hash, do not share a table.
    const known = ownerToComment(identity);
    const metadata = this.#metadata.of(known, () => new MetadataColumn());
    const wanted: WantedTable = { key, name, owner, identity, metadata, checkIds };
    const ensure = () => this.#once(known, () => this.#partitions.provide(wanted));
    const forgetTables = () => {
      this.#known.delete(known);
      this.#known.delete(keysOf(known));
    };
    const forget = () => {
      forgetTables();
      this.#known.delete(FIXED);
    };
    const dropping = async <T>(drop: () => Promise<T>): Promise<T> => {
      forgetTables();
      const dropped = await this.#drops.run(drop);
      forgetTables();
      return dropped;
    };
    return {
      ensure,
      forget,
      explain: (error) => nameMissingGrants(error, this.#db, [...FIXED_RELATIONS, name]),
      isThere: () => this.#partitions.isThere(wanted),
      untilDroppable: () => this.#partitions.dropPartition(wanted, 'lock only'),
      dropEmpty: () => dropping(() => this.#partitions.dropEmpty(wanted)),
      drop: () => dropping(() => this.#partitions.dropPartition(wanted, 'drop')),
      keys: {
        ensure: async () => {
          await ensure();
          await this.#once(keysOf(known), () => this.#keys.provide(wanted));
        },
        forget,
        explain: (error) =>
          nameMissingGrants(error, this.#db, [...FIXED_RELATIONS, name, keysTableName(key)]),
        exists: async () => {
          await ensure();
          const provided = this.#known.get(keysOf(known));
          if (provided !== undefined) return provided.then(() => true);
          return this.#partitions.withKeys.has(name) && this.#keys.isThere(wanted);
        },
      },
      metadata,
      provideMetadata: () => this.#partitions.provideMetadata(wanted),
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

  #separate(group: SeparateTables, used: () => void = () => {}): TableProvisioner {
    return {
      ensure: () => {
        used();
        return this.#once(group.name, () => this.#provideSeparate(group));
      },
      forget: () => {
        this.#known.delete(group.name);
        this.#known.delete(FIXED);
      },
      explain: (error) => nameMissingGrants(error, this.#db, group.relations),
    };
  }

  #optional(group: SeparateTables): OptionalTableProvisioner {
    return {
      ...this.#separate(group),
      exists: async () => {
        const provided = this.#known.get(group.name);
        if (provided !== undefined) return provided.then(() => true);
        await this.#ensureFixed();
        return separateExist(this.#db, group, this.#separateDeps);
      },
    };
  }

  #uses({ relations }: SeparateTables): void {
    for (const relation of relations) this.#used.add(relation);
  }

  async #provideSeparate(group: SeparateTables): Promise<void> {
    await this.#ensureFixed();
    await provisionSeparate(this.#db, group, this.#separateDeps);
  }

  get #separateDeps(): SeparateTablesDeps {
    return {
      refuse: (reason) => this.#refused(reason),
      warnOnce: (table, code) => this.#logCode(table, code),
    };
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

  /** Logs once per table. */
  #logCode(table: string, code: TableCode): void {
    const found = tableCodeNotice(code);
    if (found.length === 0 || this.#loggedCode.has(table)) return;
    this.#loggedCode.add(table);
    this.#logger.warn('table has policies or rules, which change the effect of statements', {
      storage: this.#backend,
      table,
      found,
    });
  }

  #refused(reason: string): StorageError {
    // The comment on a table may be of any length.
    return new StorageError(`storage '${this.#backend}': ${shortText(reason)}`, { outcome: 'not-applied' });
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

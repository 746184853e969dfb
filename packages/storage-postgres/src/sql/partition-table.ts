import type { Clock, PartitionKey, Random } from '@querator/core';
import type { Database, Statement } from '../database/database.ts';
import type { TableSchema } from '../database/table-schema.ts';
import { ItemNumbers } from '../pool/item-numbers.ts';
import { instantToText } from '../wire/instant-text.ts';
import { MetadataColumn } from './metadata-column.ts';
import { RequeueLock } from './requeue-lock.ts';
import { itemsTableName, keysTableName, leaseIndexName, partitionLabel } from './table-name.ts';
import { TableNumbers } from './table-numbers.ts';

/** Dependencies of the operations on one partition. */
export interface PartitionContext {
  readonly db: Database;
  readonly table: PartitionTable;
  readonly random: Random;
  /** Replaces the database's clock for deadlines, for tests. */
  readonly clock: Clock | undefined;
}

/** A partition's table and its statements, whose texts are built once. */
export class PartitionTable {
  /** The table's name without its schema, for messages. */
  readonly relation: string;
  /** The numbers in its ids. */
  readonly numbers: TableNumbers;
  readonly requeueLock = new RequeueLock();
  readonly metadata: MetadataColumn;
  readonly #key: PartitionKey;
  readonly #label: string;
  readonly #schema: TableSchema | undefined;
  readonly #statements = new Map<string, Statement>();
  /** The version of the schema that the statements are for. */
  #moves = 0;

  /**
   * @param schema the table's schema. Undefined: that of the session's search path.
   * @param numbers those of the table's pool.
   * @param metadata what is known of the column for the details of items.
   */
  constructor(
    key: PartitionKey,
    schema?: TableSchema,
    numbers = new ItemNumbers(() => 1),
    metadata = new MetadataColumn(),
  ) {
    this.metadata = metadata;
    this.numbers = new TableNumbers(numbers);
    this.relation = itemsTableName(key);
    this.#key = key;
    this.#label = partitionLabel(key);
    this.#schema = schema;
  }

  /** The table's name with its schema, as SQL. */
  get name(): string {
    return this.#schema?.relation(this.relation) ?? this.relation;
  }

  /** The name of the table of its dedup keys with its schema, as SQL. It exists once a key was stored. */
  get keysName(): string {
    const relation = keysTableName(this.#key);
    return this.#schema?.relation(relation) ?? relation;
  }

  /** The index that leases go through, without its schema. */
  get leaseIndex(): string {
    return leaseIndexName(this.#key);
  }

  /** The prepared statement with that name for this table. `text` must depend on the table alone. */
  prepared(operation: string, text: (table: string) => string): Statement {
    const moves = this.#schema?.moves ?? 0;
    if (moves !== this.#moves) this.#statements.clear();
    this.#moves = moves;
    let statement = this.#statements.get(operation);
    if (statement === undefined) {
      // Connections may have prepared the text for another schema under the plain name.
      const label = moves === 0 ? this.#label : `${this.#label}_${moves}`;
      statement = { name: `${operation}_${label}`, text: text(this.name) };
      this.#statements.set(operation, statement);
    }
    return statement;
  }
}

/** The parameter for "now" in a statement: null for the database's clock, or the time of a test's clock. */
export function nowParameter({ clock }: Pick<PartitionContext, 'clock'>): string | null {
  return clock === undefined ? null : instantToText(clock.now());
}

/**
 * SQL for "now". `statement_timestamp()` is stable. So an index can serve conditions
 * with it, and all items of a statement get the same time.
 *
 * @param parameter the placeholder of {@link nowParameter}, such as `$1`.
 */
export function nowSql(parameter: string): string {
  return `coalesce(${parameter}::timestamptz, statement_timestamp())`;
}

import type { Clock, PartitionKey, Random } from '@querator/core';
import type { Database, Statement } from '../database/database.ts';
import type { TableSchema } from '../database/table-schema.ts';
import { ItemNumbers } from '../pool/item-numbers.ts';
import { instantToText } from '../wire/instant-text.ts';
import { RequeueLock } from './requeue-lock.ts';
import { itemsTableName, leaseIndexName, partitionLabel } from './table-name.ts';
import { TableNumbers } from './table-numbers.ts';

/** What the operations on one partition work with. */
export interface PartitionContext {
  readonly db: Database;
  readonly table: PartitionTable;
  readonly random: Random;
  /** Judges deadlines in place of the database; for tests. */
  readonly clock: Clock | undefined;
}

/** A partition's table and the statements on it, whose texts are put together once. */
export class PartitionTable {
  /** The table's name without its schema, for messages. */
  readonly relation: string;
  /** What is known of the numbers in its ids. */
  readonly numbers: TableNumbers;
  readonly requeueLock = new RequeueLock();
  readonly #key: PartitionKey;
  readonly #label: string;
  readonly #schema: TableSchema | undefined;
  readonly #statements = new Map<string, Statement>();
  /** Which of its schemas the statements are for. */
  #moves = 0;

  /**
   * @param schema where it is; absent: where the session's search path leads.
   * @param numbers those of the pool that it is reached by.
   */
  constructor(key: PartitionKey, schema?: TableSchema, numbers = new ItemNumbers()) {
    this.numbers = new TableNumbers(numbers);
    this.relation = itemsTableName(key);
    this.#key = key;
    this.#label = partitionLabel(key);
    this.#schema = schema;
  }

  /** The table's name with its schema, safe to stand in SQL as it is. */
  get name(): string {
    return this.#schema?.relation(this.relation) ?? this.relation;
  }

  /** The index that leases go through, without its schema. */
  get leaseIndex(): string {
    return leaseIndexName(this.#key);
  }

  /** The prepared statement of that name on this table. `text` must depend on the table alone. */
  prepared(operation: string, text: (table: string) => string): Statement {
    const moves = this.#schema?.moves ?? 0;
    if (moves !== this.#moves) this.#statements.clear();
    this.#moves = moves;
    let statement = this.#statements.get(operation);
    if (statement === undefined) {
      // Connections may hold the text for another schema under the plain name.
      const label = moves === 0 ? this.#label : `${this.#label}_${moves}`;
      statement = { name: `${operation}_${label}`, text: text(this.name) };
      this.#statements.set(operation, statement);
    }
    return statement;
  }
}

/**
 * The parameter for "now" in a statement: nothing, and then the statement uses
 * the database's clock; or the time of the clock a test moves by hand.
 */
export function nowParameter({ clock }: Pick<PartitionContext, 'clock'>): string | null {
  return clock === undefined ? null : instantToText(clock.now());
}

/**
 * SQL for "now". `statement_timestamp()` is stable, so that conditions with it
 * can use an index, and all items of a statement get the same time.
 *
 * @param parameter the placeholder of {@link nowParameter}, such as `$1`.
 */
export function nowSql(parameter: string): string {
  return `coalesce(${parameter}::timestamptz, statement_timestamp())`;
}

import type { Clock, PartitionKey, Random } from '@querator/core';
import type { Database, Statement } from './database.ts';
import { instantToText } from './instant-text.ts';
import { itemsTableName, partitionLabel } from './table-name.ts';

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
  /** The table's name, safe to stand in SQL as it is. */
  readonly name: string;
  readonly #label: string;
  readonly #statements = new Map<string, Statement>();

  constructor(key: PartitionKey) {
    this.name = itemsTableName(key);
    this.#label = partitionLabel(key);
  }

  /** The prepared statement of that name on this table. `text` must depend on the table alone. */
  prepared(operation: string, text: (table: string) => string): Statement {
    let statement = this.#statements.get(operation);
    if (statement === undefined) {
      statement = { name: `${operation}_${this.#label}`, text: text(this.name) };
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

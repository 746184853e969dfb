import { SharedByName } from '../database/shared-by-name.ts';
import type { PartitionTable } from '../sql/partition-table.ts';
import { LowWaterMark, type LowWaterMarkDeps } from './low-water-mark.ts';

/**
 * The low-water marks of the partitions that this process uses, by table. A mark lives
 * as long as a store uses it.
 */
export class LowWaterMarks {
  readonly #deps: Omit<LowWaterMarkDeps, 'table'>;
  readonly #marks = new SharedByName<LowWaterMark>();

  constructor(deps: Omit<LowWaterMarkDeps, 'table'>) {
    this.#deps = deps;
  }

  /** The mark of a store. All stores of one table share it. */
  of(table: PartitionTable): LowWaterMark {
    return this.#marks.of(table.relation, () => new LowWaterMark({ ...this.#deps, table }));
  }

  /** The mark of a table. Undefined if no store uses the table. */
  known(relation: string): LowWaterMark | undefined {
    return this.#marks.known(relation);
  }
}

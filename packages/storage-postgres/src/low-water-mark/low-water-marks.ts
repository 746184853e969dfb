import type { PartitionTable } from '../sql/partition-table.ts';
import { LowWaterMark, type LowWaterMarkDeps } from './low-water-mark.ts';

/**
 * The low-water marks of the partitions that this process uses, by table. A mark lives
 * as long as a store uses it.
 */
export class LowWaterMarks {
  readonly #deps: Omit<LowWaterMarkDeps, 'table'>;
  readonly #marks = new Map<string, WeakRef<LowWaterMark>>();
  readonly #gone = new FinalizationRegistry<string>((relation) => {
    if (this.#marks.get(relation)?.deref() === undefined) this.#marks.delete(relation);
  });

  constructor(deps: Omit<LowWaterMarkDeps, 'table'>) {
    this.#deps = deps;
  }

  /** The mark of a store. All stores of one table share it. */
  of(table: PartitionTable): LowWaterMark {
    const known = this.known(table.relation);
    if (known !== undefined) return known;
    const mark = new LowWaterMark({ ...this.#deps, table });
    this.#marks.set(table.relation, new WeakRef(mark));
    this.#gone.register(mark, table.relation);
    return mark;
  }

  /** The mark of a table. Undefined if no store uses the table. */
  known(relation: string): LowWaterMark | undefined {
    return this.#marks.get(relation)?.deref();
  }
}

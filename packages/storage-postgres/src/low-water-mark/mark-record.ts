import { type Clock, type Instant, type ItemId, millisecondsBetween } from '@querator/core';
import type { RunSerially } from '../pool/serial-queue.ts';
import type { PartitionTable } from '../sql/partition-table.ts';
import type { SavedMarks } from './saved-marks.ts';

/** So many items leave dead entries behind before the mark is written down again. */
const ITEMS_BETWEEN_WRITES = 20_000;
/** The shortest time between two writes, but for that of a mark that a walk has found. */
const WRITE_INTERVAL_MS = 5_000;

interface MarkRecordDeps {
  readonly table: PartitionTable;
  readonly clock: Clock;
  readonly runSerially: RunSerially;
  /** Absent: nothing is written down. */
  readonly saved?: SavedMarks | undefined;
}

/** One partition's mark as it is written down, for processes that start: often enough to be near, and no more often. */
export class MarkRecord {
  readonly #deps: MarkRecordDeps;
  #leased = 0;
  /** When it was written last; undefined: not yet. */
  #writtenAt: Instant | undefined;

  constructor(deps: MarkRecordDeps) {
    this.#deps = deps;
  }

  /** So many items were leased. */
  leased(items: number): void {
    this.#leased += items;
  }

  /** What was written down; empty: nothing was. */
  async read(): Promise<ItemId> {
    const { table, runSerially, saved } = this.#deps;
    return (await runSerially(async () => saved?.load(table))) ?? '';
  }

  /** Writes a mark that has come on, if that is worth it by now. */
  async update(mark: ItemId): Promise<void> {
    if (this.#leased < ITEMS_BETWEEN_WRITES || !this.#isTime) return;
    await this.write(mark);
  }

  /** Writes a mark; an empty one says nothing, and is not written. */
  async write(mark: ItemId): Promise<void> {
    const { table, clock, runSerially, saved } = this.#deps;
    if (mark === '') return;
    this.#leased = 0;
    this.#writtenAt = clock.now();
    await runSerially(async () => saved?.save(table, mark));
  }

  get #isTime(): boolean {
    const last = this.#writtenAt;
    return last === undefined || millisecondsBetween(last, this.#deps.clock.now()) >= WRITE_INTERVAL_MS;
  }
}

import { type Clock, type Instant, type ItemId, millisecondsBetween } from '@querator/core';
import type { RunSerially } from '../pool/semaphore.ts';
import type { PartitionTable } from '../sql/partition-table.ts';
import type { SavedMarks } from './saved-marks.ts';

/** The number of leased items after which the mark is saved again. */
const ITEMS_BETWEEN_WRITES = 20_000;
/** The shortest time between two writes, except for a mark found by a search. */
const WRITE_INTERVAL_MS = 5_000;

interface MarkRecordDeps {
  readonly table: PartitionTable;
  readonly clock: Clock;
  readonly runSerially: RunSerially;
  /** Undefined: nothing is saved. */
  readonly saved?: SavedMarks | undefined;
}

/**
 * The saved mark of one partition, for processes that start later. Saves it often
 * enough to stay close to the mark.
 */
export class MarkRecord {
  readonly #deps: MarkRecordDeps;
  #leased = 0;
  /** When it was last saved. Undefined: never. */
  #writtenAt: Instant | undefined;

  constructor(deps: MarkRecordDeps) {
    this.#deps = deps;
  }

  /** Items were leased. */
  leased(items: number): void {
    this.#leased += items;
  }

  /** The saved mark. Empty if there is none. */
  async read(): Promise<ItemId> {
    const { table, runSerially, saved } = this.#deps;
    return (await runSerially(async () => saved?.load(table))) ?? '';
  }

  /** Saves a mark that has advanced, if it is worth a write. */
  async update(mark: ItemId): Promise<void> {
    if (this.#leased < ITEMS_BETWEEN_WRITES || !this.#isTime) return;
    await this.write(mark);
  }

  /** Saves a mark, unless it is empty. */
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

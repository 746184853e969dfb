import type { Random } from '@querator/core';
import type { InFlight, Journal, MoveMemory } from './in-flight.ts';
import { JournalFault } from './journal-file.ts';

/**
 * What a move knows of its items. The target leaves out an item that it was given
 * before. Only then may the source forget it. So an item that the target has, although
 * this move did not leave it in flight, was brought back to the source since: the move
 * ends, and touches it at neither server.
 */
export class MoveState {
  readonly #journal: Journal;
  readonly #doubtful: Set<string>;
  readonly #schedules: Set<string>;
  readonly id: string;
  /** What the move before left in flight. */
  readonly leftInFlight: InFlight | undefined;

  private constructor(journal: Journal, { id, doubtful, inFlight, schedules = [] }: MoveMemory) {
    this.#journal = journal;
    this.id = id;
    this.#schedules = new Set(schedules);
    this.leftInFlight = inFlight;
    this.#doubtful = new Set([...doubtful, ...(inFlight?.keys ?? [])]);
  }

  /** Goes on with the move of a journal, or begins one. @throws JournalFault if it is that of another move. */
  static async open(journal: Journal, random: Random): Promise<MoveState> {
    return new MoveState(journal, (await journal.read()) ?? { id: random.base62(12), doubtful: [] });
  }

  /** Items are about to be stored at the target. */
  leaves(batch: InFlight): Promise<void> {
    return this.#write(batch);
  }

  /** They are at the target. @param present the keys of those that were there. @throws JournalFault. */
  stored(present: readonly string[]): void {
    const unexpected = present.find((key) => !this.#doubtful.has(key));
    if (unexpected === undefined) return;
    throw new JournalFault(
      `the target had the item with the key '${unexpected}' before, and the source has it again; delete the journal if it came back after an earlier move`,
    );
  }

  /** They have left the source, apart from those with the given keys, which may have another id there. */
  async arrived(batch: InFlight, notLeft: readonly string[]): Promise<void> {
    for (const key of batch.keys) this.#doubtful.delete(key);
    for (const key of notLeft) this.#doubtful.add(key);
    await this.#write(undefined);
  }

  /** Whether the schedule with this id at the source was active, and is being moved. */
  carries(scheduleId: string): boolean {
    return this.#schedules.has(scheduleId);
  }

  /** Nothing is in flight, and these schedules are about to be moved. */
  async schedulesLeave(ids: readonly string[]): Promise<void> {
    const more = ids.filter((id) => !this.#schedules.has(id));
    if (more.length === 0) return;
    for (const id of more) this.#schedules.add(id);
    await this.#write(undefined);
  }

  /** They have been moved. */
  async schedulesArrived(ids: readonly string[]): Promise<void> {
    if (ids.length === 0) return;
    for (const id of ids) this.#schedules.delete(id);
    await this.#write(undefined);
  }

  /**
   * Nothing is in flight, and the move ends here.
   *
   * @param isEmpty whether the source has nothing left. If it has, it may have an item
   *   that the target has too, and the next move must know it.
   */
  end(isEmpty: boolean): Promise<void> {
    return isEmpty || this.#doubtful.size === 0 ? this.#journal.end() : this.#write(undefined);
  }

  #write(inFlight: InFlight | undefined): Promise<void> {
    const schedules = this.#schedules.size === 0 ? undefined : [...this.#schedules];
    return this.#journal.write({ id: this.id, doubtful: [...this.#doubtful], inFlight, schedules });
  }
}

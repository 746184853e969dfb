/** The record of one item, which its payload identifies. */
interface Entry {
  /** Whether its produce was acknowledged. If not, it is unknown whether it is stored. */
  acknowledged: boolean;
  /** How many times it was leased. */
  delivered: number;
  /** The number of acknowledged completes. */
  completed: number;
  /** The number of completes with an unknown outcome. */
  perhapsCompleted: number;
}

/**
 * Counts every item by the replies to producers and consumers. An acknowledged
 * item is completed once in the end, and not leased after that. An item whose
 * produce has an unknown outcome is completed at most once.
 */
export class Ledger {
  readonly #entries = new Map<string, Entry>();
  readonly #wrong: string[] = [];

  get acknowledged(): number {
    return [...this.#entries.values()].filter(({ acknowledged }) => acknowledged).length;
  }

  get completed(): number {
    return [...this.#entries.values()].filter(({ completed }) => completed > 0).length;
  }

  /** An item is sent. */
  sent(text: string): void {
    this.#entries.set(text, { acknowledged: false, delivered: 0, completed: 0, perhapsCompleted: 0 });
  }

  produced(text: string): void {
    this.#entry(text).acknowledged = true;
  }

  /** The item was certainly not stored. */
  refused(text: string): void {
    this.#entries.delete(text);
  }

  /** A consumer got it. If its lease ended before the reply arrived, another consumer may have got it too. */
  delivered(text: string, leaseDeadline: Date): void {
    const entry = this.#entry(text);
    entry.delivered++;
    if (leaseDeadline.getTime() <= Date.now()) return;
    if (entry.completed > 0) this.#wrong.push(`${text} was handed out after it had been completed`);
    // A complete before this lease had no effect, so the item still has to be completed.
    entry.perhapsCompleted = 0;
  }

  completedOne(text: string): void {
    const entry = this.#entry(text);
    entry.completed++;
    if (entry.completed > 1) this.#wrong.push(`${text} was completed ${entry.completed} times`);
  }

  perhapsCompletedOne(text: string): void {
    this.#entry(text).perhapsCompleted++;
  }

  /** Items that were acknowledged and never leased. */
  get unseen(): readonly string[] {
    return [...this.#entries]
      .filter(([, { acknowledged, delivered }]) => acknowledged && delivered === 0)
      .map(([text]) => text);
  }

  /** Items that were acknowledged and not completed. */
  get outstanding(): readonly string[] {
    return [...this.#entries]
      .filter(([, entry]) => entry.acknowledged && entry.completed + entry.perhapsCompleted === 0)
      .map(([text]) => text);
  }

  /** Broken rules in words. Call it when the queues are empty. */
  verdict(): readonly string[] {
    return [...this.#wrong, ...this.outstanding.map((text) => `${text} was acknowledged and is lost`)];
  }

  #entry(text: string): Entry {
    const entry = this.#entries.get(text);
    if (entry === undefined) throw new Error(`${text} was never produced, or was refused`);
    return entry;
  }
}

/** What is known of one item, by its payload. */
interface Entry {
  /** Whether its produce was acknowledged; else nobody knows whether it is stored. */
  acknowledged: boolean;
  /** How often it was handed out. */
  delivered: number;
  /** Completes that were acknowledged. */
  completed: number;
  /** Completes of which nobody knows whether they took effect. */
  perhapsCompleted: number;
}

/**
 * Counts every item from the outside: what producers and consumers were told.
 * An item that was acknowledged is completed once in the end, and is not handed
 * out after that; one whose produce ended unknown, at most once.
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

  /** An item is on its way to storage. */
  sent(text: string): void {
    this.#entries.set(text, { acknowledged: false, delivered: 0, completed: 0, perhapsCompleted: 0 });
  }

  produced(text: string): void {
    this.#entry(text).acknowledged = true;
  }

  /** It is certain that the item was not stored. */
  refused(text: string): void {
    this.#entries.delete(text);
  }

  /** A consumer has got it. One whose lease has run out on the way may have been served elsewhere. */
  delivered(text: string, leaseDeadline: Date): void {
    const entry = this.#entry(text);
    entry.delivered++;
    if (leaseDeadline.getTime() <= Date.now()) return;
    if (entry.completed > 0) this.#wrong.push(`${text} was handed out after it had been completed`);
    // A complete before this lease did not take effect: the item is still to be completed.
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

  /** What was acknowledged and never handed out. */
  get unseen(): readonly string[] {
    return [...this.#entries]
      .filter(([, { acknowledged, delivered }]) => acknowledged && delivered === 0)
      .map(([text]) => text);
  }

  /** What was acknowledged and is still to be completed. */
  get outstanding(): readonly string[] {
    return [...this.#entries]
      .filter(([, entry]) => entry.acknowledged && entry.completed + entry.perhapsCompleted === 0)
      .map(([text]) => text);
  }

  /** Rules that were broken, in words; call it when the queues are empty. */
  verdict(): readonly string[] {
    return [...this.#wrong, ...this.outstanding.map((text) => `${text} was acknowledged and is lost`)];
  }

  #entry(text: string): Entry {
    const entry = this.#entries.get(text);
    if (entry === undefined) throw new Error(`${text} was never produced, or was refused`);
    return entry;
  }
}

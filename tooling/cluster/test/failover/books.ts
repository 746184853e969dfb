/** What a producer was told of an item. */
export type Produced = 'pending' | 'acknowledged' | 'unknown' | 'refused';

/** An item as its producer and its consumers know it. */
interface Entry {
  produced: Produced;
  /** When that was said, in milliseconds since the epoch. */
  toldAt: number;
  /** When its producer wants it delivered; 0: at once. */
  readonly scheduledAt: number;
  /** It must not be delivered before; 0: at any time. */
  dueAt: number;
  /** Nobody else may have it before, in milliseconds since the epoch; 0: nobody has it. */
  heldUntil: number;
  /** The highest id that anybody had seen when it was produced. */
  newerThan: string;
  delivered: boolean;
  /** In which era the completion that was acknowledged was asked for. */
  completedIn: number;
  completed: 'no' | 'perhaps' | 'yes';
}

/** An item as it was delivered. */
export interface Delivery {
  readonly id: string;
  readonly payload: string;
  /** When the lease ends, in milliseconds since the epoch. */
  readonly deadline: number;
}

/**
 * What producers and consumers were told, item by item, and every breach of
 * what they were promised. Times are those of this machine, which is the
 * database's too.
 */
export class Books {
  readonly #entries = new Map<string, Entry>();
  readonly #payloads = new Map<string, string>();
  #era = 0;
  /** The highest id that a consumer has seen. */
  highestId = '';
  /** Delivered after its completion had been acknowledged. */
  readonly completedBefore: string[] = [];
  /** The same, where the database has gone back in time since. */
  readonly completionsLost: string[] = [];
  /** Delivered while somebody else's lease went on. */
  readonly heldByTwo: string[] = [];
  /** Delivered before it was due. */
  readonly tooEarly: string[] = [];
  /** Delivered under an id that another item had. */
  readonly sharedIds: string[] = [];
  /** Delivered under an id that is lower than one that was seen before it was produced. */
  readonly outOfOrder: string[] = [];
  /** Delivered once more under the id it had before. */
  readonly sameIdAgain: string[] = [];
  /** Delivered though the producer was told that it was not stored, or that nobody produced. */
  readonly invented: string[] = [];

  /** Counts the times that the database has gone back in time. */
  get era(): number {
    return this.#era;
  }

  /** An item is about to be produced. */
  expect(payload: string, scheduledAt = 0): void {
    this.#entries.set(payload, {
      produced: 'pending',
      toldAt: 0,
      scheduledAt,
      dueAt: scheduledAt,
      heldUntil: 0,
      newerThan: this.highestId,
      delivered: false,
      completedIn: 0,
      completed: 'no',
    });
  }

  /** Its producer was answered. */
  produced(payload: string, what: Exclude<Produced, 'pending'>): void {
    const entry = this.#entry(payload);
    entry.produced = what;
    entry.toldAt = Date.now();
    if (what === 'refused' && entry.delivered) this.invented.push(payload);
  }

  /** A consumer got it. */
  delivered({ id, payload, deadline }: Delivery): void {
    const entry = this.#entries.get(payload);
    if (entry === undefined || entry.produced === 'refused') {
      this.invented.push(payload);
      return;
    }
    const now = Date.now();
    if (entry.completed === 'yes') {
      (entry.completedIn === this.era ? this.completedBefore : this.completionsLost).push(payload);
    } else if (entry.heldUntil > now) this.heldByTwo.push(payload);
    if (entry.dueAt > now) this.tooEarly.push(payload);
    if (id <= entry.newerThan) this.outOfOrder.push(payload);
    const before = this.#payloads.get(id);
    if (before === payload) this.sameIdAgain.push(payload);
    else if (before !== undefined) this.sharedIds.push(`${before}, ${payload}`);
    this.#payloads.set(id, payload);
    if (id > this.highestId) this.highestId = id;
    entry.heldUntil = deadline;
    entry.delivered = true;
  }

  /** Its consumer gives it back. */
  retrying(payload: string, dueAt = 0): void {
    const entry = this.#entry(payload);
    entry.heldUntil = 0;
    entry.dueAt = dueAt;
  }

  /**
   * Its completion was acknowledged, or nobody knows.
   *
   * @param era in which the completion was asked for.
   */
  completed(payload: string, how: 'perhaps' | 'yes', era = this.era): void {
    const entry = this.#entry(payload);
    entry.completed = how;
    entry.completedIn = era;
  }

  /** The database has forgotten its last moments: leases, retries and completions among them. */
  wentBack(): void {
    this.#era++;
    this.highestId = '';
    for (const entry of this.#entries.values()) {
      entry.heldUntil = 0;
      entry.dueAt = entry.scheduledAt;
      entry.newerThan = '';
    }
  }

  /** How many producers were told that they are stored. */
  get acknowledged(): number {
    return this.#count(({ produced }) => produced === 'acknowledged');
  }

  /** How many may or may not be stored. */
  get unknown(): number {
    return this.#count(({ produced }) => produced === 'unknown');
  }

  get completions(): number {
    return this.#count(({ completed }) => completed === 'yes');
  }

  /**
   * What was acknowledged up to a moment and never completed. Once all that
   * there is has been leased and completed, it is lost.
   *
   * @param until in milliseconds since the epoch.
   */
  missing(until = Number.POSITIVE_INFINITY): readonly string[] {
    return [...this.#entries].flatMap(([payload, { produced, toldAt, completed }]) =>
      produced === 'acknowledged' && toldAt <= until && completed === 'no' ? [payload] : [],
    );
  }

  #entry(payload: string): Entry {
    const entry = this.#entries.get(payload);
    if (entry === undefined) throw new Error(`nobody produces ${payload}`);
    return entry;
  }

  #count(which: (entry: Entry) => boolean): number {
    let count = 0;
    for (const entry of this.#entries.values()) if (which(entry)) count++;
    return count;
  }
}

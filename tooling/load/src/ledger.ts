/** A schedule this close to the present means at once (the queue's schedule threshold). */
const SCHEDULE_THRESHOLD_MS = 100;

/** The answer that a producer got for an item. */
export type Produced = 'pending' | 'acknowledged' | 'unknown' | 'refused';

/** An item, as its producer and its consumers know it. Times are in milliseconds since the epoch. */
interface Entry {
  produced: Produced;
  /** The time of the producer's answer. */
  answeredAt: number;
  /** The schedule of its producer; 0: none. */
  readonly scheduledAt: number;
  /** No delivery may come before this time; 0: at any time. */
  dueAt: number;
  /** The end of its lease; 0: it is not leased. */
  heldUntil: number;
  /** The highest delivered id of each place at the time of the produce. */
  newerThan: ReadonlyMap<string, string>;
  delivered: boolean;
  /** The era in which the acknowledged complete was sent. */
  completedIn: number;
  completed: 'no' | 'perhaps' | 'yes';
}

/** One delivery of an item. */
export interface Delivery {
  readonly id: string;
  readonly name: string;
  /**
   * Where ids are in order: the partition, if partitions are in several databases. Undefined:
   * everywhere.
   */
  readonly place?: string | undefined;
  /**
   * The consumer, if it must get higher and higher ids: while so much waits in its one partition that no
   * concurrent produce or return can come out late. Undefined: it may get them in another order.
   */
  readonly ascendingFor?: string | undefined;
  /** The end of the lease, in milliseconds since the epoch. */
  readonly deadline: number;
}

/**
 * The answers to producers and consumers, item by item, and every violation of
 * the queue's promises. The databases run on this machine and share its clock.
 */
export class Ledger {
  readonly #entries = new Map<string, Entry>();
  readonly #names = new Map<string, string>();
  readonly #producedCounts = { pending: 0, acknowledged: 0, unknown: 0, refused: 0 };
  readonly #completedCounts = { no: 0, perhaps: 0, yes: 0 };
  #deliveries = 0;
  #era = 0;
  /** The highest delivered id of each place. Replaced and never changed, since the entries share it. */
  #highest: ReadonlyMap<string, string> = new Map();
  /** The last id of each consumer with ascending ids. */
  readonly #lastIds = new Map<string, string>();
  /** Completed by two requests, both acknowledged. */
  readonly completedTwice: string[] = [];
  /** Delivered after its completion had been acknowledged. */
  readonly completedBefore: string[] = [];
  /** The same, after the database has lost its last transactions. */
  readonly completionsLost: string[] = [];
  /** Delivered during the lease of another consumer. */
  readonly heldByTwo: string[] = [];
  /** Delivered before it was due. */
  readonly tooEarly: string[] = [];
  /** Delivered under an id that another item had. */
  readonly sharedIds: string[] = [];
  /** Delivered under a lower id than one delivered before the produce. */
  readonly outOfOrder: string[] = [];
  /** Delivered to a consumer after an item with a higher id. */
  readonly overtaken: string[] = [];
  /** Delivered again under the same id. */
  readonly sameIdAgain: string[] = [];
  /** Delivered after its produce was refused, or never produced. */
  readonly invented: string[] = [];

  /** The highest delivered id. */
  get highestId(): string {
    return [...this.#highest.values()].sort().at(-1) ?? '';
  }

  /** How many deliveries there were. */
  get deliveries(): number {
    return this.#deliveries;
  }

  /** How many times the database has lost its last transactions. */
  get era(): number {
    return this.#era;
  }

  /** An item is being produced. */
  expect(name: string, scheduledAt = 0): void {
    const former = this.#entries.get(name);
    if (former !== undefined) {
      this.#producedCounts[former.produced]--;
      this.#completedCounts[former.completed]--;
    }
    this.#producedCounts.pending++;
    this.#completedCounts.no++;
    this.#entries.set(name, {
      produced: 'pending',
      answeredAt: 0,
      scheduledAt,
      dueAt: scheduledAt,
      heldUntil: 0,
      newerThan: this.#highest,
      delivered: false,
      completedIn: 0,
      completed: 'no',
    });
  }

  /** The producer has its answer. */
  produced(name: string, what: Exclude<Produced, 'pending'>): void {
    const entry = this.#entries.get(name);
    if (entry === undefined) throw new Error(`${name} is not being produced`);
    this.#producedCounts[entry.produced]--;
    this.#producedCounts[what]++;
    entry.produced = what;
    entry.answeredAt = Date.now();
    if (what === 'refused' && entry.delivered) this.invented.push(name);
  }

  /**
   * A consumer has leased the item. If the answer came after the end of the lease,
   * other consumers may have leased and completed the item since.
   */
  delivered({ id, name, place = '', ascendingFor, deadline }: Delivery): void {
    this.#deliveries++;
    const entry = this.#entries.get(name);
    if (entry === undefined || entry.produced === 'refused') {
      this.invented.push(name);
      return;
    }
    this.#checkId(entry, { id, name, place });
    if (ascendingFor !== undefined) {
      if (id <= (this.#lastIds.get(ascendingFor) ?? '')) this.overtaken.push(name);
      this.#lastIds.set(ascendingFor, id);
    }
    entry.delivered = true;
    const now = Date.now();
    if (deadline <= now) return;
    if (entry.completed === 'yes') {
      (entry.completedIn === this.era ? this.completedBefore : this.completionsLost).push(name);
    } else {
      // The complete had no effect.
      this.#setCompleted(entry, 'no');
      if (entry.heldUntil > now) this.heldByTwo.push(name);
    }
    if (entry.dueAt > now + SCHEDULE_THRESHOLD_MS) this.tooEarly.push(name);
    entry.heldUntil = deadline;
  }

  /** The consumer gives the item back. If that has no effect, the item is due when its lease ends. */
  retrying(name: string, dueAt = 0): void {
    const entry = this.#entries.get(name);
    // Such an item is a fault already.
    if (entry === undefined) return;
    entry.dueAt = Math.min(dueAt, entry.heldUntil);
    entry.heldUntil = 0;
  }

  /**
   * The complete was acknowledged, or its outcome is unknown.
   *
   * @param era in which the complete was sent.
   */
  completed(name: string, how: 'perhaps' | 'yes', era = this.era): void {
    const entry = this.#entries.get(name);
    if (entry === undefined) return;
    const isRepeated = entry.completed === 'yes' && entry.completedIn === era;
    if (isRepeated && how === 'yes') this.completedTwice.push(name);
    if (isRepeated) return;
    this.#setCompleted(entry, how);
    entry.completedIn = era;
  }

  /** The database has lost its last transactions: produces, leases, retries and completes. */
  wentBack(): void {
    this.#era++;
    this.#highest = new Map();
    this.#lastIds.clear();
    for (const entry of this.#entries.values()) {
      entry.heldUntil = 0;
      entry.dueAt = entry.scheduledAt;
      entry.newerThan = new Map();
    }
  }

  /** Items whose produce was acknowledged. */
  get acknowledged(): number {
    return this.#producedCounts.acknowledged;
  }

  /** Items whose produce has an unknown outcome. */
  get unknown(): number {
    return this.#producedCounts.unknown;
  }

  /** Items whose produce was refused. */
  get refused(): number {
    return this.#producedCounts.refused;
  }

  get completions(): number {
    return this.#completedCounts.yes;
  }

  /** Items whose complete has an unknown outcome. */
  get perhapsCompleted(): number {
    return this.#completedCounts.perhaps;
  }

  /** Items that were acknowledged and never delivered. */
  get undelivered(): readonly string[] {
    return [...this.#entries].flatMap(([name, { produced, delivered }]) =>
      produced === 'acknowledged' && !delivered ? [name] : [],
    );
  }

  /** Broken promises, a sentence for each. Call it when the queues have been emptied. */
  faults(): readonly string[] {
    const faults: readonly [what: string, names: readonly string[]][] = [
      ['was acknowledged and is lost', this.missing()],
      ['was completed twice', this.completedTwice],
      ['was delivered after it had been completed', this.completedBefore],
      ['was delivered during another lease', this.heldByTwo],
      ['was delivered before it was due', this.tooEarly],
      ['was delivered under a lower id than an item before its produce', this.outOfOrder],
      ['was delivered to a consumer after an item with a higher id', this.overtaken],
      ['have the same id', this.sharedIds],
      ['was delivered twice under one id', this.sameIdAgain],
      ['was delivered, and not produced', this.invented],
    ];
    return faults.flatMap(([what, names]) => names.map((name) => `${name} ${what}`));
  }

  /**
   * Items that were acknowledged and never completed. They are lost if the
   * queue has been emptied since.
   *
   * @param until in milliseconds since the epoch.
   */
  missing(until = Number.POSITIVE_INFINITY): readonly string[] {
    return [...this.#entries].flatMap(([name, { produced, answeredAt, completed }]) =>
      produced === 'acknowledged' && answeredAt <= until && completed === 'no' ? [name] : [],
    );
  }

  #checkId(
    entry: Entry,
    { id, name, place }: Required<Pick<Delivery, 'id' | 'name'>> & { place: string },
  ): void {
    if (id <= (entry.newerThan.get(place) ?? '')) this.outOfOrder.push(name);
    const before = this.#names.get(id);
    if (before === name) this.sameIdAgain.push(name);
    else if (before !== undefined) this.sharedIds.push(`${before}, ${name}`);
    this.#names.set(id, name);
    if (id > (this.#highest.get(place) ?? '')) this.#highest = new Map(this.#highest).set(place, id);
  }

  #setCompleted(entry: Entry, completed: Entry['completed']): void {
    this.#completedCounts[entry.completed]--;
    this.#completedCounts[completed]++;
    entry.completed = completed;
  }
}

import {
  addDuration,
  type Clock,
  type ImportedItem,
  type Instant,
  type ItemId,
  type LeasedItem,
  type NewItem,
  type Outcome,
  type PartitionStore,
  parseDuration,
  type RetriedItem,
  type RetryResult,
  type StoredItem,
  type SweepRequest,
  type SweepResult,
} from '@querator/core';
import { deadLetter, importedItem, newItem, textsOf } from './content.ts';

/** More than any test has in a partition. */
const EVERYTHING = 100_000;

/** What the scripts' items, leases, claims and prepared letters last, unless a test says otherwise. */
export const EXPIRE_TIMEOUT = parseDuration('24h');
export const LEASE_TIMEOUT = parseDuration('1m');
export const CLAIM_TIMEOUT = parseDuration('30s');
export const AUTO_COMMIT_TIMEOUT = parseDuration('10m');

/** Nothing dies of attempts; what dies is kept aside. */
const SWEEP: SweepRequest = { limit: 1_000, maxAttempts: 0, dead: 'move', claimTimeout: CLAIM_TIMEOUT };

/**
 * The steps most tests take on a partition, in short words; items are told
 * apart by their texts. Tests of an operation itself call the store.
 */
export class PartitionScript {
  readonly store: PartitionStore;
  readonly #clock: Clock;

  constructor(store: PartitionStore, clock: Clock) {
    this.store = store;
    this.#clock = clock;
  }

  /** The instant so long after now. */
  in(duration: string): Instant {
    return addDuration(this.#clock.now(), parseDuration(duration));
  }

  /** One request with items of these texts. */
  async produce(...texts: string[]): Promise<void> {
    await this.produceItems(texts.map((text) => newItem(text)));
  }

  async produceItems(items: readonly NewItem[], expireTimeout = EXPIRE_TIMEOUT): Promise<void> {
    valuesOf(await this.store.produce([{ items }], expireTimeout));
  }

  /** Puts one item in as it is given. */
  async import(text: string, overrides: Partial<ImportedItem> = {}): Promise<StoredItem | undefined> {
    const [stored] = await this.store.import([importedItem(text, overrides)], EXPIRE_TIMEOUT);
    return stored;
  }

  async lease(limit = EVERYTHING, leaseTimeout = LEASE_TIMEOUT): Promise<readonly LeasedItem[]> {
    return this.store.lease({ limit, leaseTimeout });
  }

  /** The id of the item that a lease of one gives; the test is wrong if there is none. */
  async leaseOne(leaseTimeout = LEASE_TIMEOUT): Promise<ItemId> {
    const [item] = await this.lease(1, leaseTimeout);
    if (item === undefined) throw new Error('there is no item to lease');
    return item.id;
  }

  /** One request that must go through. */
  async complete(...ids: ItemId[]): Promise<void> {
    valuesOf(await this.store.complete([{ ids }]));
  }

  /** One request that must go through; dead items are kept aside. */
  async retry(
    ...items: (Partial<RetriedItem> & { readonly id: ItemId })[]
  ): Promise<RetryResult | undefined> {
    const request = { items: items.map((item) => ({ dead: false, ...item })) };
    return valuesOf(await this.store.retry([request], SWEEP))[0];
  }

  /** Produces one item and has it kept aside for the dead-letter queue. */
  async addMoving(text: string): Promise<ItemId> {
    await this.produce(text);
    const leased = await this.lease();
    const moving = leased.find((item) => textsOf([item])[0] === text);
    if (moving === undefined) throw new Error(`'${text}' was not leased`);
    await this.store.release(leased.filter((item) => item !== moving).map((item) => item.id));
    await this.retry({ id: moving.id, dead: true });
    return moving.id;
  }

  /** Produces one item and has it marked as moved; no sweep has claimed it. */
  async addMoved(text: string): Promise<ItemId> {
    const id = await this.addMoving(text);
    await this.store.markMoved([id]);
    return id;
  }

  /** Prepares letters of these texts, in one call; their source ids are the texts. */
  async prepare(...texts: string[]): Promise<void> {
    await this.store.prepareLetters(
      texts.map((text) => deadLetter(text)),
      { expireTimeout: EXPIRE_TIMEOUT, autoCommitTimeout: AUTO_COMMIT_TIMEOUT },
    );
  }

  async sweep(overrides: Partial<SweepRequest> = {}): Promise<SweepResult> {
    return this.store.sweep({ ...SWEEP, ...overrides });
  }

  async queued(): Promise<readonly StoredItem[]> {
    return this.store.list({ state: 'queued', pivot: '', limit: EVERYTHING });
  }

  async scheduled(): Promise<readonly StoredItem[]> {
    return this.store.list({ state: 'scheduled', pivot: '', limit: EVERYTHING });
  }

  /** Prepared letters. */
  async prepared(): Promise<readonly StoredItem[]> {
    return this.store.list({ state: 'prepared', pivot: '', limit: EVERYTHING });
  }

  async preparedTexts(): Promise<string[]> {
    return textsOf(await this.prepared());
  }

  async queuedTexts(): Promise<string[]> {
    return textsOf(await this.queued());
  }

  async scheduledTexts(): Promise<string[]> {
    return textsOf(await this.scheduled());
  }
}

/** What all outcomes came to; the first failure is thrown. */
export function valuesOf<T>(outcomes: readonly Outcome<T>[]): T[] {
  return outcomes.map((outcome) => {
    if (!outcome.ok) throw outcome.error;
    return outcome.value;
  });
}

/** Whether each request went through: `ok`, or the text of its error. */
export function verdictsOf(outcomes: readonly Outcome<unknown>[]): string[] {
  return outcomes.map((outcome) => (outcome.ok ? 'ok' : outcome.error.message));
}

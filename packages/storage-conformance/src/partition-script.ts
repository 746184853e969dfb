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

/** More items than any test has. */
const EVERYTHING = 100_000;

/** Default timeouts of items, leases, claims and prepared letters. */
export const EXPIRE_TIMEOUT = parseDuration('24h');
export const LEASE_TIMEOUT = parseDuration('1m');
export const CLAIM_TIMEOUT = parseDuration('30s');
export const AUTO_COMMIT_TIMEOUT = parseDuration('10m');

/** No limit of attempts; dead items are moved. */
const SWEEP: SweepRequest = { limit: 1_000, maxAttempts: 0, dead: 'move', claimTimeout: CLAIM_TIMEOUT };

/**
 * Common steps on a partition, in short form. Texts identify items. Tests of an
 * operation itself call the store directly.
 */
export class PartitionScript {
  readonly store: PartitionStore;
  readonly #clock: Clock;

  constructor(store: PartitionStore, clock: Clock) {
    this.store = store;
    this.#clock = clock;
  }

  /** The instant `duration` after now. */
  in(duration: string): Instant {
    return addDuration(this.#clock.now(), parseDuration(duration));
  }

  /** Produces items with these texts in one request. */
  async produce(...texts: string[]): Promise<void> {
    await this.produceItems(texts.map((text) => newItem(text)));
  }

  async produceItems(items: readonly NewItem[], expireTimeout = EXPIRE_TIMEOUT): Promise<void> {
    valuesOf(await this.store.produce([{ items }], expireTimeout));
  }

  /** Imports one item. */
  async import(text: string, overrides: Partial<ImportedItem> = {}): Promise<StoredItem | undefined> {
    const [stored] = await this.store.import([importedItem(text, overrides)], EXPIRE_TIMEOUT);
    return stored;
  }

  async lease(limit = EVERYTHING, leaseTimeout = LEASE_TIMEOUT): Promise<readonly LeasedItem[]> {
    return this.store.lease({ limit, leaseTimeout });
  }

  /** Leases one item and returns its id. Throws if none waits. */
  async leaseOne(leaseTimeout = LEASE_TIMEOUT): Promise<ItemId> {
    const [item] = await this.lease(1, leaseTimeout);
    if (item === undefined) throw new Error('there is no item to lease');
    return item.id;
  }

  /** Completes items in one request, which must succeed. */
  async complete(...ids: ItemId[]): Promise<void> {
    valuesOf(await this.store.complete([{ ids }]));
  }

  /** Retries items in one request, which must succeed. Dead items are moved. */
  async retry(
    ...items: (Partial<RetriedItem> & { readonly id: ItemId })[]
  ): Promise<RetryResult | undefined> {
    const request = { items: items.map((item) => ({ dead: false, ...item })) };
    return valuesOf(await this.store.retry([request], SWEEP))[0];
  }

  /** Adds a moving item: produced, leased and retried as dead. */
  async addMoving(text: string): Promise<ItemId> {
    await this.produce(text);
    const leased = await this.lease();
    const moving = leased.find((item) => textsOf([item])[0] === text);
    if (moving === undefined) throw new Error(`'${text}' was not leased`);
    await this.store.release(leased.filter((item) => item !== moving).map((item) => item.id));
    await this.retry({ id: moving.id, dead: true });
    return moving.id;
  }

  /** Adds a moving item that is marked as moved, without a claim. */
  async addMoved(text: string): Promise<ItemId> {
    const id = await this.addMoving(text);
    await this.store.markMoved([id]);
    return id;
  }

  /** Prepares letters with these texts in one call. Their source ids are the texts. */
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

  /** The prepared letters. */
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

/** The values of all outcomes. Throws the first error. */
export function valuesOf<T>(outcomes: readonly Outcome<T>[]): T[] {
  return outcomes.map((outcome) => {
    if (!outcome.ok) throw outcome.error;
    return outcome.value;
  });
}

/** The outcome of each request as text: `ok`, or the text of its error. */
export function verdictsOf(outcomes: readonly Outcome<unknown>[]): string[] {
  return outcomes.map((outcome) => (outcome.ok ? 'ok' : outcome.error.message));
}

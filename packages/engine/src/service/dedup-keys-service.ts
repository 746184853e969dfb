import { type Clock, errorText, type Instant, invalid, LIMITS, type Permission } from '@querator/core';
import type { QueueManager } from '../manager/queue-manager.ts';
import type { KeyPosition } from '../queue/queue-keys.ts';
import { checkCarriedKeys, type GivenKey } from '../rules/carried-key-rules.ts';
import type { SearchOptions } from './items-service.ts';
import { orRetry } from './or-retry.ts';

export interface ExportKeysCall {
  readonly queueName: string;
  /** Of the page before. Empty: from the first key. */
  readonly cursor: string;
  /** 0: 100. At most 1,000. */
  readonly limit: number;
}

/** A dedup key that a caller may see. */
export interface ShownKey {
  readonly partition: number;
  readonly key: string;
  /** Empty if the caller may not complete the items: an id that is leased would prove the lease. */
  readonly ids: readonly string[];
  readonly endsAt: Instant;
}

/** A page of dedup keys. */
export interface ShownKeys {
  /** In order of their partitions, and then in byte order. May be empty although more follow. */
  readonly keys: readonly ShownKey[];
  /** Where the next page begins. Empty: no more keys. */
  readonly cursor: string;
}

export interface ImportKeysCall {
  readonly queueName: string;
  /** How many items the same request has. Must be 0. */
  readonly items: number;
  /** 1 to 1,000. */
  readonly keys: readonly GivenKey[];
}

/** What became of the keys of an import. */
export interface ImportedKeys {
  readonly stored: number;
  /** Keys that the queue held already, or that have ended. */
  readonly present: number;
}

/** Knowing the id of a leased item is enough for this. */
const COMPLETE: Permission = 'queue.complete';

/**
 * Carries the dedup keys of producers from one server to another.
 *
 * All methods throw QueueError: `invalid` for an invalid request or an unknown queue,
 * `retry` when storage fails, `failed` during shutdown.
 */
export class DedupKeysService {
  readonly #manager: QueueManager;
  readonly #clock: Clock;

  constructor(manager: QueueManager, clock: Clock) {
    this.#manager = manager;
    this.#clock = clock;
  }

  /** The keys of a queue whose window has not ended, with the ids that their items got. */
  export({ queueName, cursor, limit }: ExportKeysCall, { caller }: SearchOptions = {}): Promise<ShownKeys> {
    const reading = this.#manager.reading(queueName, async (queue) => {
      queue.checkRunning();
      const page = await queue.keys.read(positionOf(cursor), pageLimit(limit));
      const seesIds = caller?.may(COMPLETE, queue.queue.namespace) ?? true;
      const keys = page.keys.map((key) => (seesIds ? key : { ...key, ids: [] }));
      return { keys, cursor: page.next === undefined ? '' : cursorOf(page.next) };
    });
    return orRetry(reading);
  }

  /**
   * Stores keys with the ids that their items got elsewhere, until the same time. A produce with one of
   * them answers these ids. A key that the queue holds stays as it is. May be repeated.
   */
  async import({ queueName, items, keys }: ImportKeysCall): Promise<ImportedKeys> {
    const queue = await this.#manager.get(queueName);
    queue.checkRunning();
    if (items > 0) throw invalid('dedup_keys is invalid; a request has items or dedup_keys, but not both');
    const stored = await orRetry(queue.keys.store(checkCarriedKeys(keys, this.#clock.now())));
    return { stored, present: keys.length - stored };
  }
}

function pageLimit(limit: number): number {
  if (limit < 0) throw invalid('limit is invalid; limit cannot be negative');
  if (limit > LIMITS.carriedKeys) {
    throw invalid(errorText`limit is invalid; cannot be greater than ${LIMITS.carriedKeys}`, 'too_large');
  }
  return limit || LIMITS.findPageDefault;
}

const CURSOR = /^key (\d{1,5})\.(.*)$/s;
/** Longer than any cursor. */
const MOST_CHARACTERS = 500;

/** A position as a text for callers. It tells itself from that of a search. */
function cursorOf({ partition, after = '' }: KeyPosition): string {
  return Buffer.from(`key ${partition}.${after}`).toString('base64url');
}

function positionOf(cursor: string): KeyPosition {
  if (cursor === '') return { partition: 0, after: undefined };
  const text = cursor.length > MOST_CHARACTERS ? '' : Buffer.from(cursor, 'base64url').toString();
  const match = CURSOR.exec(text);
  if (match === null) throw invalid('cursor is invalid; expected the cursor of a reply');
  return { partition: Number(match[1]), after: match[2] || undefined };
}
